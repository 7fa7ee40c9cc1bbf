"""`taxiway rollout`: moves traffic between versions that are deployed, at once."""

from __future__ import annotations

import typer

from taxiway.cli.rollout import commands, status

app = typer.Typer(
    help="Move traffic between versions: promote, undo, weights, status.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(commands.promote)
app.command()(commands.undo)
app.command()(commands.weights)
app.command()(status.status)
