"""Pages on a terminal: short blocks under bold heads, in each a name and what belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from taxiway.runners.console.terminal import TerminalConsole
from taxiway.terminal import one_line

PIPE_WIDTH: Final = 120
"""Where the output is no terminal."""


def page_console() -> TerminalConsole:
    """Standard output: as wide as the terminal, else as wide as a page."""
    console = TerminalConsole()
    return console if console.is_terminal else TerminalConsole(width=PIPE_WIDTH)


def head(console: Console, title: str, text: str = "") -> None:
    """A bold head, after a blank line."""
    console.print()
    said = (f"  {one_line(text)}", "dim") if text else ""
    console.print(Text.assemble((one_line(title), "bold"), said))


def block(console: Console, title: str, lines: Sequence[tuple[str, str | Text]]) -> None:
    """A head and its lines; nothing where there are none."""
    if lines:
        head(console, title)
        fields(console, lines)


def fields(console: Console, lines: Sequence[tuple[str, str | Text]]) -> None:
    """A name and what belongs to it, which is folded within its column."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in lines:
        shown = Text(one_line(value)) if isinstance(value, str) else value
        table.add_row(Text(one_line(name), style="dim"), shown)
    console.print(table)
