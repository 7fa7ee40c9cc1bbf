"""`taxiway models`: what the registry knows of model versions, and what people decide on them.

Each module here has commands of one kind; a new one is a function there and a line here.
"""

from __future__ import annotations

import typer

from taxiway.cli.models import annotate, files, history, listing, release, rollback, show

app = typer.Typer(
    help="Find, explain, approve and deploy versions of models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command(name="list")(listing.list_)
app.command()(show.show)
app.command()(release.approve)
app.command()(release.reject)
app.command()(release.promote)
app.command()(release.policy)
app.command()(history.history)
app.command()(rollback.rollback)
app.command()(listing.search)
app.command()(annotate.annotate)
app.command()(annotate.tag)
app.command()(annotate.alias)
app.command()(annotate.archive)
app.command()(annotate.unarchive)
app.command()(files.verify)
app.command()(files.restore)
