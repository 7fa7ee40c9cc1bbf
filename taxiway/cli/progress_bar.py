"""The one bar that commands show while something takes long: on a terminal, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(doing: str, quiet: bool) -> Iterator[None]:
    """Shows on standard error how far what reports progress within it has come.

    Args:
      doing: what is done, in a word.
      quiet: show nothing.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from taxiway.process import progress
    from taxiway.runners.console.terminal import TerminalConsole

    console = TerminalConsole(stderr=True)
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn())
    disabled = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disabled) as bar:
        task = bar.add_task("")

        def heard(told: progress.Progress) -> None:
            bar.update(task, completed=told.done, total=told.total)

        with progress.listening(heard):
            yield
