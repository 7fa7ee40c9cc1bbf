"""`taxiway runs`: what was tried, how it went, what differs, which is best, and does it repeat.

Each module here has commands of one kind; a new one is a function there and a line here.
"""

from __future__ import annotations

import typer

from taxiway.cli.runs import annotate, best, compare, listing, reindex, reproduce, show

app = typer.Typer(
    help="List, explain, compare, rank and repeat runs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command(name="list")(listing.list_)
app.command()(show.show)
app.command()(compare.compare)
app.command()(best.best)
app.command()(annotate.tag)
app.command()(annotate.note)
app.command()(reproduce.reproduce)
app.command()(reindex.reindex)
