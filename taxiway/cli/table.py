"""The one way in which commands print a table: plain columns, fit for a terminal and for a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from taxiway.terminal import one_line

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
    from rich.table import Table
    from rich.text import Text

    from taxiway.runners.console.terminal import TerminalConsole

    console = TerminalConsole()
    if not console.is_terminal:  # whole lines, for grep
        console = TerminalConsole(width=_UNBOUNDED)
    numbers = set(right)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    if table.row_count:
        console.print(table)
    elif empty:
        console.print(Text(one_line(empty)), soft_wrap=True)
