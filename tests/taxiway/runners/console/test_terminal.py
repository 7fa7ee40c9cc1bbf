"""The console takes what it is given for text, wherever in a table, a view or a page it stands."""

from __future__ import annotations

import ast
import io
import json
from typing import Any

import pytest
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from taxiway.metadata.records import NodeRecord, Outcome
from taxiway.runners.console.live import waiting
from taxiway.runners.console.progress import Progress
from taxiway.runners.console.summary import print_summary
from taxiway.runners.console.terminal import TerminalConsole
from taxiway.runners.nodes.events import (
    NodeFailed,
    NodeFinished,
    NodeMessage,
    NodeSkipped,
    NodeStarted,
    RunEnded,
    RunStarted,
)
from tests.conftest import REPOSITORY

HOSTILE = "[/b] [red]x[/red] :smile: \x1b[31m\x1b]0;t\x1b\\ \u202eevil \x9b2J"
TOLD = "[/b] [red]x[/red] :smile: ␛[31m␛]0;t␛\\ �evil �2J"


def console(**options: Any) -> TerminalConsole:
    return TerminalConsole(file=io.StringIO(), width=200, **options)


def written(console: TerminalConsole) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "shown",
    [HOSTILE, Text(HOSTILE), Padding(Text(HOSTILE), 1), Text("a ") + Text(HOSTILE, style="bold")],
    ids=["a string", "a text", "within another", "styled"],
)
def test_what_is_printed_is_text(shown: Any) -> None:
    out = console()
    out.print(shown)
    assert TOLD in written(out)
    assert "\x1b" not in written(out)


def test_so_are_the_heads_and_cells_of_a_table() -> None:
    table = Table()
    table.add_column(HOSTILE)
    table.add_row(HOSTILE)
    table.add_row(Text(HOSTILE))
    out = console()
    out.print(table)
    assert written(out).count(TOLD) == 3
    assert "\x1b[31m" not in written(out)


def test_a_style_stays_on_its_words() -> None:
    out = console(force_terminal=True, color_system="standard")
    out.print(Text("\x1b\x1b ") + Text("red", style="red"))
    assert written(out) == "␛␛ \x1b[31mred\x1b[0m\n"


def test_a_spinner_says_what_it_waits_for() -> None:
    out = console(force_terminal=True)
    with waiting(out, HOSTILE):
        pass
    assert TOLD in written(out)


def test_json_is_whole_and_harmless() -> None:
    out = console()
    out.show_json({"slice": HOSTILE + "\x7f\udcff é"})
    text = written(out)
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == {"slice": HOSTILE + "\x7f\udcff é"}


REPORT = {
    "outcome": "succeeded",
    "failure": None,
    "evaluation": {
        "blessed": False,
        "baseline": True,
        "unusable_baseline": "",
        "reasons": [HOSTILE],
        "overall": {HOSTILE: 0.5},
        "change": {HOSTILE: 0.1},
        "worst_slices": [{"name": f"airline={HOSTILE}\nnext  rm -rf", "metrics": {HOSTILE: 0.4}}],
    },
    "infra": {"blessed": False, "reason": HOSTILE},
    "version": HOSTILE,
    "release": None,
    "pushed_to": f"/serving/{HOSTILE}\nnext  rm -rf",
    "command": "taxiway run",
}


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_a_run_that_succeeded_tells_so_whatever_its_data_holds(terminal: bool) -> None:
    out = console(force_terminal=terminal, color_system=None)
    print_summary(out, REPORT, f"/reports/{HOSTILE}", 1.0, 0.5, "")
    text = written(out)
    assert text.count(TOLD) == 7
    assert "\x1b[31m" not in text
    assert not any(line.startswith("next  rm") for line in text.splitlines())
    assert f"pushed      /serving/{TOLD}␊next  rm -rf as version {TOLD}" in text


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_so_does_the_view_of_a_run(terminal: bool) -> None:
    out = console(force_terminal=terminal, color_system=None)
    view = Progress(out)
    record = NodeRecord(HOSTILE, 1, "COMPLETE", 0.0, {}, {"container_engine": HOSTILE})
    for event in (
        RunStarted(HOSTILE, [HOSTILE]),
        NodeStarted(HOSTILE, HOSTILE),
        NodeMessage(HOSTILE, HOSTILE, HOSTILE),
        NodeFinished(HOSTILE, HOSTILE, record, 1.0),
        NodeSkipped(HOSTILE, HOSTILE, HOSTILE),
        NodeFailed(HOSTILE, HOSTILE, HOSTILE),
        RunEnded(HOSTILE, Outcome.FAILED),
    ):
        view.on_event(event)
    assert TOLD in written(out)
    assert "\x1b[31m" not in written(out)
    assert HOSTILE not in written(out)


def test_a_failure_that_quotes_data_is_told() -> None:
    out = console()
    failure = {"node": HOSTILE, "reason": f"got {HOSTILE}\nand {HOSTILE}", "edit": HOSTILE}
    print_summary(out, REPORT | {"outcome": "failed", "failure": failure}, "/r", 1.0, 0.5, "")
    assert f"reason      got {TOLD}\n            and {TOLD}" in written(out)


def test_a_long_slice_is_whole_below_the_table_where_the_terminal_is_narrow() -> None:
    name = f"origin={'x' * 40}_dest={'y' * 40}"
    slices = [{"name": name, "metrics": {"auc": 0.5}}] * 3
    evaluation = REPORT["evaluation"] | {"overall": {"auc": 0.5}, "worst_slices": slices}  # type: ignore[operator]  # a section is a mapping
    out = TerminalConsole(file=io.StringIO(), width=80)
    print_summary(out, REPORT | {"evaluation": evaluation}, "/r", 1.0, 0.5, "")
    text = written(out)
    assert text.count(f"     {name}\n") == 3
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines() if "0.5000" in line)


def test_no_other_console_is_made() -> None:
    """Else what is drawn on it would be taken for markup."""
    makers = []
    for path in sorted((REPOSITORY / "taxiway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "id", getattr(called, "attr", ""))
            if name in ("Console", "get_console", "from_markup", "print_json"):
                makers.append(f"{path.relative_to(REPOSITORY)}: {name}")
    assert makers == []
