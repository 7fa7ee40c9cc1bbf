"""`taxiway runs compare`: what differs that can matter, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles
from taxiway.cli.registry import open_registry
from taxiway.cli.rows import NOTHING
from taxiway.cli.runs.asked import RUN_HELP, Html, find_run, recorded
from taxiway.terminal import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

    from taxiway.tracking.compare.differences import Comparison, Difference, Measure, Section

TITLES: Final[dict[Section, str]] = {
    "config": "Config",
    "features": "Features",
    "data": "Data",
    "code": "Code",
    "lock": "Lock",
}
SLICES: Final = 10
"""That are shown, unless metrics are named."""
_WORDS: Final = {True: "better", False: "worse"}


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help=RUN_HELP)],
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", help="Only this metric. Repeatable.")
    ] = None,
    html: Html = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say what differs between runs that can matter: config, features, data, code, packages.

    All are compared with the first. Metrics and slices follow, with their change.
    """
    registry = open_registry(config, assignments)
    records = [recorded(find_run(registry, run)) for run in runs]
    from taxiway.process.project import project_root
    from taxiway.tracking.compare.compare import compare_runs
    from taxiway.tracking.source_texts import SourceTexts

    found = compare_runs(records, SourceTexts(project_root()), metrics or ())
    if html:
        from taxiway.cli.runs.pages import write_comparison

        write_comparison(html, found)
    elif as_json:
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        _print(found, bool(metrics))


def _print(found: Comparison, all_slices: bool) -> None:
    from taxiway.cli.table import table_console

    console = table_console()
    console.print(one_line(found.says), markup=False, highlight=False, soft_wrap=True)
    for section, title in TITLES.items():
        differences = found.of(section)
        if differences:
            _table(console, title, found.runs, difference_rows(differences))
        for one in differences:
            _diffs(console, one)
    if found.metrics:
        _table(console, "Metrics", measure_heads(found), measure_rows(found.metrics))
    changed = [one for one in found.slices if one.largest]
    shown = changed if all_slices else changed[:SLICES]
    if shown:
        _table(console, "Slices", measure_heads(found), measure_rows(shown))
    if len(shown) < len(changed):
        more = len(changed) - len(shown)
        console.print(f"and {more:,} more that changed less; --metric NAME shows all of a metric")


def difference_rows(differences: Sequence[Difference]) -> list[list[str]]:
    """Name and values of each."""
    return [[one.name, *(NOTHING if v is None else v for v in one.values)] for one in differences]


def measure_heads(found: Comparison) -> list[str]:
    """Of the columns after the name."""
    first, *others = found.runs
    if not others:
        return [first]
    if len(others) == 1:
        return [first, others[0], "change"]
    return [first, *(word for run in others for word in (run, "change"))]


def measure_rows(measures: Sequence[Measure]) -> list[list[str]]:
    """Name, values, and changes with whether they are for the better."""
    rows = []
    for one in measures:
        name = f"{one.name}, {one.slice}" if one.slice else one.name
        first, *others = one.values
        cells = [_number(first)]
        for value, change in zip(others, one.changes, strict=True):
            cells += [_number(value), _change(change, one.better)]
        rows.append([name, *cells])
    return rows


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.4f}"


def _change(change: float | None, better: str) -> str:
    if change is None:
        return NOTHING
    if not change:
        return "0"
    way = {"higher": change > 0, "lower": change < 0}.get(better)
    word = f" {_WORDS[way]}" if way is not None else ""
    return f"{change:+,.2g}{word}"


def _table(
    console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    from taxiway.cli.table import make_table

    console.print()
    console.print(make_table((title, *heads), rows))


def _diffs(console: Console, difference: Difference) -> None:
    """Lines of a text that differ, below its table."""
    for diff in filter(None, difference.diffs):
        console.print()
        console.print(one_line(difference.name), markup=False, highlight=False, soft_wrap=True)
        for line in diff.splitlines():
            shown = f"  {printable(line)}"
            console.print(shown, markup=False, highlight=False, soft_wrap=True)
