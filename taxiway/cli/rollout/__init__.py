"""`taxiway rollout`: moves traffic between versions that are deployed, by steps or at once."""

from __future__ import annotations

import typer

from taxiway.cli.rollout import commands, delivered, status

app = typer.Typer(
    help="Move traffic between versions: by steps that go by evidence, or at once.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(delivered.start)
app.command()(status.status)
app.command()(delivered.pause)
app.command()(delivered.resume)
app.command()(commands.promote)
app.command()(delivered.abort)
app.command()(commands.undo)
app.command()(commands.weights)
app.command()(status.history)
