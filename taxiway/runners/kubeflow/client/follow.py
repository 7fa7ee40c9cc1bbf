"""Follows a run on Kubeflow to its end: task after task, through short outages, until Ctrl-C."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import yaml
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from taxiway.errors import TaxiwayError
from taxiway.runners.console.live import live
from taxiway.runners.kubeflow.client.connection import Connection, silent
from taxiway.runners.kubeflow.client.errors import ServerError
from taxiway.terminal import shell

ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED", "ERROR"})
"""kfp.Client.wait_for_run_completion does not know CANCELED, and waits for ever."""
POLL_SECONDS: Final = 5.0
LONGEST_PAUSE: Final = 60.0
OUTAGE_SECONDS: Final = 900.0

_WORDS: Final = {
    "SUCCEEDED": ("done", "green"),
    "FAILED": ("failed", "bold red"),
    "ERROR": ("failed", "bold red"),
    "RUNNING": ("running", "bold cyan"),
    "PENDING": ("waiting", "dim"),
    "SKIPPED": ("skipped", "dim"),
    "CANCELING": ("stopping", "bold yellow"),
    "CANCELED": ("stopped", "bold yellow"),
    "PAUSED": ("paused", "bold yellow"),
}


@dataclass(frozen=True)
class RunEnd:
    """How a run ended."""

    state: str
    reason: str

    @property
    def succeeded(self) -> bool:
        """Whether it did all it was to do."""
        return self.state == "SUCCEEDED"


def task_names(pipeline_yaml: str) -> frozenset[str]:
    """The tasks of a compiled pipeline at any depth; a run also lists drivers and executors."""
    spec = next(iter(yaml.safe_load_all(pipeline_yaml)), None) or {}
    parts = [spec.get("root", {}), *spec.get("components", {}).values()]
    return frozenset(name for part in parts for name in part.get("dag", {}).get("tasks", {}))


def follow(
    connection: Connection,
    run_id: str,
    tasks: Iterable[str],
    console: Console,
    *,
    sleep: Callable[[float], None] = time.sleep,
    poll_seconds: float = POLL_SECONDS,
) -> RunEnd:
    """Polls a run until it ends; tasks are drawn live, or a line each where there is no terminal.

    Raises:
      TaxiwayError: the server stays away, or no longer lets us in; the run itself goes on.
      KeyboardInterrupt: passed on, once it is said that the run goes on.
    """
    view = _View(console, tasks)
    going_on = (
        f"the run goes on: {connection.link('runs', run_id)}\n{how_to_stop(connection, run_id)}"
    )
    try:
        with view:
            return _poll(connection, run_id, view, sleep, poll_seconds)
    except ServerError as error:
        raise TaxiwayError(f"{error.message}\n{going_on}", edit=error.edit) from None
    except KeyboardInterrupt:
        console.print(Text(f"no longer waiting; {going_on}"), soft_wrap=True)
        raise


def how_to_stop(connection: Connection, run_id: str) -> str:
    """Words for whoever wants a run to end."""
    login = f' -H "Authorization: Bearer ${connection.kubeflow.token_env}"'
    url = shell([f"{connection.endpoint}/apis/v2beta1/runs/{run_id}:terminate"])
    return f"to stop it: Terminate on that page, or\n  curl -X POST{login} {url}"


def _poll(
    connection: Connection,
    run_id: str,
    view: _View,
    sleep: Callable[[float], None],
    poll_seconds: float,
) -> RunEnd:
    pause, away = poll_seconds, 0.0
    while True:
        try:
            with silent():
                run = connection.client.get_run(run_id)
        except ServerError as error:
            if not error.transient or away >= OUTAGE_SECONDS:
                raise
            view.note(f"{error.message.splitlines()[0]}; trying again in {pause:.0f} s")
            sleep(pause)
            away, pause = away + pause, min(pause * 2, LONGEST_PAUSE)
            continue
        pause, away = poll_seconds, 0.0
        details = run.run_details.task_details if run.run_details else None
        view.update(details or ())
        state = str(run.state or "").upper()
        if state in ENDED:
            return RunEnd(state, _reason(run, view))
        sleep(poll_seconds)


def _reason(run: Any, view: _View) -> str:
    message = run.error.message if run.error else ""
    failed = ", ".join(view.failed())
    return "; ".join(part for part in (f"failed: {failed}" if failed else "", message) if part)


def _key(name: str) -> str:
    """Argo writes names in its own way."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class _View:
    """Tasks and their states."""

    def __init__(self, console: Console, tasks: Iterable[str]) -> None:
        self._console = console
        self._names = {_key(name): name for name in tasks}
        self._states: dict[str, tuple[str, float | None]] = {}
        self._live: Live | None = None

    def __enter__(self) -> _View:
        if self._console.is_terminal and not self._console.quiet:
            self._live = live(self._console, self)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __rich__(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("task", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("seconds", justify="right")
        for name, (state, seconds) in self._states.items():
            word, style = _WORDS.get(state, (state.lower(), ""))
            table.add_row(
                name, Text(word, style=style), "" if seconds is None else f"{seconds:.0f}"
            )
        return table

    def update(self, details: Iterable[Any]) -> None:
        """Takes the answer of one poll and reports what changed."""
        for task in sorted(details, key=lambda one: str(one.start_time or one.create_time or "")):
            name = self._names.get(_key(task.display_name or ""))
            state = str(task.state or "PENDING").upper()
            if name is None:
                continue
            before = self._states.get(name, ("", None))[0]
            self._states[name] = state, _seconds(task)
            if state != before and self._live is None:
                word = _WORDS.get(state, (state.lower(), ""))[0]
                seconds = _seconds(task) if state in ENDED else None
                took = "" if seconds is None else f"{seconds:7.0f} s"
                self._console.print(
                    Text(f"{name:<22} {word:<12} {took:>9}".rstrip()), soft_wrap=True
                )

    def note(self, text: str) -> None:
        """A line beside the tasks."""
        self._console.print(Text(text, style="yellow"), soft_wrap=True)

    def failed(self) -> list[str]:
        """Tasks that failed, in the order they came."""
        return [name for name, (state, _) in self._states.items() if state in ("FAILED", "ERROR")]


def _seconds(task: Any) -> float | None:
    """None while a task runs: the server then writes 1970 for its end."""
    if task.start_time is None or task.end_time is None or task.end_time < task.start_time:
        return None
    return float((task.end_time - task.start_time).total_seconds())
