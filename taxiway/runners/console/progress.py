"""The live view of a run: a table on a terminal, one line per event elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from taxiway.metadata.describe import describe_node
from taxiway.metadata.records import ErrorKind
from taxiway.process.progress import PACE_SECONDS, Pace
from taxiway.runners.console.live import live
from taxiway.runners.nodes.events import (
    Event,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeMessage,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunEnded,
    RunStarted,
)
from taxiway.terminal import one_line

STYLES = {
    "waiting": "dim",
    "running": "bold cyan",
    "done": "green",
    "cached": "blue",
    "skipped": "dim",
    "failed": "bold red",
    "stopped": "bold yellow",
    "interrupted": "bold yellow",
    "killed": "bold red",
}


@dataclass
class _Row:
    state: str = "waiting"
    started: float = 0.0
    seconds: float | None = None
    made: str = ""
    progress: str = ""
    pace: Pace | None = None


class Progress:
    """A RunObserver that draws nodes, their states and seconds, and what each made."""

    def __init__(self, console: Console, pace_seconds: float = PACE_SECONDS) -> None:
        self._console = console
        self._pace_seconds = pace_seconds
        self._rows: dict[str, _Row] = {}
        self._live: Live | None = None
        self._cached: set[int] = set()

    def on_event(self, event: Event) -> None:
        """Updates the table, or prints a line where the console is no terminal."""
        if isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, RunEnded):
            self._stop()
        elif isinstance(event, NodeMessage):
            self._rows[event.node_id].made = event.text
            self._print(event.node_id, "note", event.text)
        elif isinstance(event, NodeProgress):
            self._show(event)
        else:
            self._update(event)

    def __rich__(self) -> RenderableType:
        """The table as it is now; rich asks for it several times a second."""
        table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
        table.add_column("", width=1)
        table.add_column("node", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("seconds", justify="right", no_wrap=True)
        table.add_column("made", overflow="fold")
        for node_id, row in self._rows.items():
            running = row.state == "running"
            seconds = time.monotonic() - row.started if running else row.seconds
            table.add_row(
                Spinner("dots", style="cyan") if running else Text(MARKS.get(row.state, " ")),
                node_id,
                Text(row.state, style=STYLES[row.state]),
                "" if seconds is None else f"{seconds:.1f}",
                Text(_first_line(row.progress if running and row.progress else row.made)),
            )
        return Group(table)

    def _start(self, event: RunStarted) -> None:
        self._rows = {node_id: _Row() for node_id in event.nodes}
        self._console.print(
            Text.assemble("run ", (event.run_id, "bold"), f", {len(event.nodes)} nodes")
        )
        if self._console.is_terminal:
            self._live = live(self._console, self)
            self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _update(
        self, event: NodeStarted | NodeCached | NodeFinished | NodeFailed | NodeSkipped
    ) -> None:
        row = self._rows.setdefault(event.node_id, _Row())
        if isinstance(event, NodeStarted):
            row.state, row.started = "running", time.monotonic()
            row.progress, row.pace = "", Pace(self._pace_seconds)
            return
        if isinstance(event, NodeSkipped):
            row.state, row.made = "skipped", event.reason
        elif isinstance(event, NodeFailed):
            row.state = "failed" if event.kind is ErrorKind.FAILED else event.kind.value
            row.seconds, row.made = event.seconds, event.reason
        else:
            row.state = "cached" if isinstance(event, NodeCached) else "done"
            row.seconds = event.seconds
            made = (describe_node(event.record), row.made, self._why_again(event))
            row.made = ", ".join(part for part in made if part)
        self._print(event.node_id, row.state, row.made, row.seconds)

    def _show(self, event: NodeProgress) -> None:
        """In the table at once; where each line stays, one in half a minute."""
        row = self._rows.setdefault(event.node_id, _Row())
        row.progress = event.progress.text
        if row.pace is not None and row.pace.due():
            seconds = time.monotonic() - row.started
            self._print(event.node_id, row.state, row.progress, seconds)

    def _why_again(self, event: NodeCached | NodeFinished) -> str:
        """Why a node is not cached though nothing was changed, so as not to puzzle."""
        if isinstance(event, NodeCached):
            self._cached |= {one.id for made in event.record.outputs.values() for one in made}
            return ""
        for artifact in (one for made in event.record.outputs.values() for one in made):
            properties = artifact.properties
            same_model = properties.get("current_model_id") in self._cached
            if same_model and properties.get("baseline_model_id"):
                return "ran again: its baseline, the latest blessed model, is a new one"
        return ""

    def _print(self, node_id: str, state: str, text: str, seconds: float | None = None) -> None:
        if self._console.is_terminal:
            return
        took = "" if seconds is None else f"{seconds:7.1f} s"
        line = Text(f"{node_id:<22} {state:<12} {took:>9}  {_first_line(text)}")
        self._console.print(line, soft_wrap=True)


def _first_line(text: str) -> str:
    return one_line(text.splitlines()[0]) if text else ""


MARKS = {
    "done": "✓",
    "cached": "=",
    "skipped": "-",
    "failed": "✗",
    "stopped": "■",
    "interrupted": "■",
    "killed": "✗",
}
