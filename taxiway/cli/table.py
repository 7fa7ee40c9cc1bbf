"""The one way in which commands print a table: plain columns, fit for a terminal and for a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import typer

from taxiway.terminal import one_line

if TYPE_CHECKING:
    from rich.table import Table

    from taxiway.runners.console.terminal import TerminalConsole

LARGE: Final = 200
"""Rows above which a table is plain lines: rich needs milliseconds for each."""
_UNBOUNDED: Final = 10_000
"""Columns: more than any table takes."""


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Iterable[str] = (),
    empty: str = "",
) -> None:
    """Prints rows under their heads; what is wider than a terminal is folded within its column.

    Args:
      columns: heads.
      rows: a text for each column; whatever people wrote is made printable here.
      right: columns of numbers.
      empty: what is printed where there is no row.
    """
    from rich.text import Text

    rows = list(rows)
    if len(rows) > LARGE:
        typer.echo("\n".join(plain_lines(columns, rows, right)))
        return
    console = table_console()
    table = make_table(columns, rows, right)
    if table.row_count:
        console.print(table)
    elif empty:
        console.print(Text(one_line(empty)), soft_wrap=True)


def plain_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Iterable[str] = ()
) -> list[str]:
    """The lines of a table that is never folded: thousands of rows in a part of a second."""
    numbers = set(right)
    cells = [list(columns), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [str.rjust if name in numbers else str.ljust for name in columns]
    return [
        "  ".join(
            align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def table_console() -> TerminalConsole:
    """Standard output: as wide as the terminal, else as wide as the lines are, for grep."""
    from taxiway.runners.console.terminal import TerminalConsole

    console = TerminalConsole()
    return console if console.is_terminal else TerminalConsole(width=_UNBOUNDED)


def make_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[str] = ()
) -> Table:
    """The table that `print_table` prints."""
    from rich.table import Table
    from rich.text import Text

    numbers = set(right)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table
