"""`taxiway experiment`: versions are compared on users, and policies on what is logged of them."""

from __future__ import annotations

import typer

from taxiway.cli.experiment import replay

app = typer.Typer(
    help="Compare versions on users, and policies on the log: replay.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """One command alone would be the program itself."""


app.command()(replay.replay)
