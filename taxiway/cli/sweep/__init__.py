"""`taxiway sweep`: runs with other values of some keys, one after the other, and ranks them."""

from __future__ import annotations

import typer

from taxiway.cli.sweep import listing, start

app = typer.Typer(
    help="Run the pipeline with other values of some keys, and rank the runs.",
    rich_markup_mode=None,
    invoke_without_command=True,
)
app.callback()(start.sweep)
app.command(name="list")(listing.list_)
app.command()(listing.show)
