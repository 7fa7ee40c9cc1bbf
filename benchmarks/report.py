"""Makes tables of a result, on the terminal and on a page: `python -m benchmarks.report`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.data import size_name
from benchmarks.records import NodeRun, Results, Run, read_results
from benchmarks.summary import MAIN_NODES, shared_name, sizes, typical
from taxiway.errors import EXIT_OK, ConfigError, TaxiwayError

RESULTS: Final = Path("benchmarks/results.json")
CHART: Final = "chart.svg"
HEAD: Final = ("stock s", "Taxiway s", "ratio", "CPU s", "CPU s", "MB", "MB")
"""Columns of the table on the terminal; pairs are stock's and Taxiway's."""
PIPE_WIDTH: Final = 120
"""Of the table where the output is no terminal."""
SHOWN_SECONDS: Final = 0.5
"""Nodes shorter than this on both sides share one line."""
BEGIN, END = "<!-- made by `make bench` -->", "<!-- end of what `make bench` made -->"
BUSY_SHARE: Final = 0.05
"""Share of the machine that others may take before the table says that it was not quiet."""


def console() -> Console:
    """Standard output, wide enough for the tables."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def start_seconds(run: Run) -> float:
    """From the start of the process to the first node: imports and wiring."""
    return min((node.start for node in run.nodes), default=run.seconds)


def idle_seconds(run: Run) -> float:
    """After the first node's start, the time in which no node ran."""
    busy, until = 0.0, 0.0
    for node in sorted(run.nodes, key=lambda one: one.start):
        busy += max(0.0, node.end - max(node.start, until))
        until = max(until, node.end)
    return max(0.0, run.seconds - start_seconds(run) - busy)


def ratio(stock: float, taxiway: float) -> str:
    """How many times stock's figure Taxiway's goes into; nothing where either is too small."""
    if stock < 0.05 or taxiway < 0.05:
        return ""
    return f"{stock / taxiway:.1f}"


def by_node(run: Run | None) -> dict[str, NodeRun]:
    """The nodes of a run by the name they go by on both sides."""
    return {} if run is None else {shared_name(node.node): node for node in run.nodes}


def size_table(results: Results, rows: int) -> Table:
    """Every node of the typical run of each side at one size."""
    runs: tuple[Run | None, Run | None] = (
        typical(results.runs, "stock", rows),
        typical(results.runs, "taxiway", rows),
    )
    table = Table(title=_title(results, rows), title_justify="left", pad_edge=False, box=None)
    table.add_column("node", no_wrap=True)
    for column in HEAD:
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("rows out", no_wrap=True)
    pairs = _pairs(runs)
    shown = [name for name, pair in pairs if _longest(pair) >= SHOWN_SECONDS]
    table.add_row("start and imports", *_times(_each(runs, start_seconds)))
    for name, pair in pairs:
        if name in shown:
            table.add_row(*_node_cells(name, pair))
    rest = [pair for name, pair in pairs if name not in shown]
    sums = [sum(node.seconds for node in side if node) for side in zip(*rest, strict=True)]
    if rest:
        table.add_row(f"{len(rest)} other nodes", *_times(sums)[:2])
    table.add_row("between nodes", *_times(_each(runs, idle_seconds)))
    table.add_section()
    times = _times(_each(runs, lambda run: run.seconds))
    cpu = [_number(value) for value in _each(runs, lambda run: run.cpu_seconds)]
    memory = [_megabytes(value) for value in _each(runs, lambda run: run.memory)]
    table.add_row("whole run", *times, *cpu, *memory)
    return table


def notes(results: Results) -> list[str]:
    """What a reader has to know: checks, spread, others on the machine."""
    lines = []
    for check in results.checks:
        kinds = ", ".join(finding.what for finding in check.findings if finding.same)
        lines.append(f"{size_name(check.rows)}: the same on both sides: {kinds}")
        lines += [
            f"{size_name(check.rows)}: DIFFERENT {finding.what}: {finding.detail}"
            for finding in check.findings
            if not finding.same
        ]
    for run in results.runs:
        share = run.other_cpu_seconds / (run.seconds * results.machine.cpus)
        if share > BUSY_SHARE:
            lines.append(
                f"{size_name(run.rows)}, {run.side}: others took {share:.0%} of the machine; "
                "measure again on a quiet one"
            )
    if any(node.shared for run in results.runs for node in run.nodes):
        lines.append("* nodes ran side by side: CPU and memory are of all that ran then")
    return lines


def markdown(results: Results) -> str:
    """The page's table: one line per side and size, seconds of the main nodes and of the run."""
    head = ["rows", "", *MAIN_NODES, "whole run", "times", "ms per 1,000 rows", "peak memory"]
    lines = [_line(head), _line(["--:", "---", *["--:"] * (len(head) - 2)])]
    for rows in sizes(results.runs):
        stock = typical(results.runs, "stock", rows)
        taxiway = typical(results.runs, "taxiway", rows)
        for label, run in (("stock TFX", stock), ("Taxiway", taxiway)):
            if run is None:
                continue
            nodes = by_node(run)
            times = [_number(nodes[name].seconds if name in nodes else None) for name in MAIN_NODES]
            gain = ratio(stock.seconds, run.seconds) if stock and run is taxiway else ""
            pace, memory = f"{1e6 * run.seconds / rows:.0f}", f"{run.memory / 1e9:.2f} GB"
            whole = [f"**{run.seconds:.1f}**", gain, pace, memory]
            lines.append(_line([f"{rows:,}", label, *times, *whole]))
    return "\n".join(lines)


def page_section(results: Results, chart: str) -> str:
    """Everything between the page's two marks; each figure comes from the results."""
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    where = f"{machine.cpus} cores, {machine.memory_bytes / 1e9:.0f} GB; {versions}"
    chart_line = f"![Where the time of a run goes, stock TFX and Taxiway]({chart})"
    return f"{chart_line}\n\n{markdown(results)}\n\nSeconds, on {where}, {results.day}."


def write_page(page: Path, results: Results, chart: str) -> None:
    """Replaces what stands between the marks.

    Raises:
      ConfigError: the marks are not there, once each and in order.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    old, end, after = rest.partition(END)
    del old
    if not begin or not end:
        raise ConfigError(
            f"{page} has no place for the table: expected '{BEGIN}' and, after it, '{END}'",
            edit=str(page),
        )
    section = page_section(results, chart)
    page.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}", encoding="utf-8")


def show(results: Results, out: Console) -> None:
    """Prints one table per size, and the notes."""
    for rows in sizes(results.runs):
        out.print(size_table(results, rows))
        out.print()
    for line in notes(results):
        out.print(line, soft_wrap=True, markup=False, highlight=False)


T = TypeVar("T")
Pair = tuple[NodeRun | None, NodeRun | None]


def _pairs(runs: tuple[Run | None, Run | None]) -> list[tuple[str, Pair]]:
    """Nodes of both sides by name, in Taxiway's order of start, then what only stock has."""
    stock, taxiway = (by_node(run) for run in runs)
    return [
        (name, (stock.get(name), taxiway.get(name))) for name in dict.fromkeys([*taxiway, *stock])
    ]


def _longest(pair: Pair) -> float:
    return max((node.seconds for node in pair if node), default=0.0)


def _node_cells(name: str, pair: Pair) -> list[str]:
    cpu = [f"{node.cpu_seconds:.1f}{'*' if node.shared else ''}" if node else "" for node in pair]
    memory = [_megabytes(value) for value in _each(pair, lambda node: node.memory)]
    rows = next((node.rows for node in reversed(pair) if node and node.rows), {})
    out = " + ".join(f"{count:,}" for count in rows.values())
    return [name, *_times(_each(pair, lambda node: node.seconds)), *cpu, *memory, out]


def _each(pair: Sequence[T | None], figure: Callable[[T], float]) -> list[float | None]:
    """A figure of each side, None where that did not run."""
    return [None if one is None else figure(one) for one in pair]


def _times(pair: Sequence[float | None]) -> list[str]:
    stock, taxiway = pair
    known = stock is not None and taxiway is not None
    return [_number(stock), _number(taxiway), ratio(stock or 0.0, taxiway or 0.0) if known else ""]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _megabytes(value: float | None) -> str:
    return "" if value is None else f"{value / 1e6:,.0f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _title(results: Results, rows: int) -> str:
    counts = {
        side: sum(run.side == side and run.rows == rows for run in results.runs)
        for side in ("stock", "taxiway")
    }
    most = max(counts.values())
    return f"{rows:,} rows" + (f", the median of {most} runs" if most > 1 else "")


def main() -> int:
    """Shows a result again; writes its chart, and the table of a page where one is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("--page", type=Path, help="write its table too")
    given = parser.parse_args()
    try:
        publish(read_results(given.results), given.results.parent, given.page, console())
    except TaxiwayError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # to who typed the command
        return error.exit_code
    return EXIT_OK


def publish(results: Results, folder: Path, page: Path | None, out: Console) -> None:
    """Prints the tables, draws the chart beside the results, and fills in the page."""
    from benchmarks.chart import draw

    show(results, out)
    draw(results, folder / CHART)
    if page is not None:
        write_page(page, results, Path(os.path.relpath(folder / CHART, page.parent)).as_posix())


if __name__ == "__main__":
    raise SystemExit(main())
