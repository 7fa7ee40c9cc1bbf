"""`taxiway experiment`: versions are compared on users, and policies on what is logged of them."""

from __future__ import annotations

import typer

from taxiway.cli.experiment import ending, replay, starting, status

app = typer.Typer(
    help="Compare versions on users, and policies on the log: plan, start, status, stop, replay.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(starting.plan)
app.command()(starting.start)
app.command()(status.status)
app.command()(starting.ramp)
app.command()(ending.stop)
app.command(name="list")(ending.list_experiments)
app.command()(replay.replay)
