"""Live displays that leave standard output and error where they are: in the log."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

REFRESH_PER_SECOND = 8


def live(console: Console, shown: RenderableType, *, transient: bool = False) -> Live:
    """A rich Live that does not, as is its default, draw what libraries print on the terminal."""
    return Live(
        shown,
        console=console,
        refresh_per_second=REFRESH_PER_SECOND,
        transient=transient,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def waiting(console: Console, text: str) -> Live:
    """A spinner that goes when its block ends; nothing where the console is no terminal."""
    return live(console, Spinner("dots", text=Text(text), style="cyan"), transient=True)
