"""`taxiway audit`: who changed what and why, and whether anybody has tampered with the record."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles
from taxiway.cli.progress_bar import progress_bar
from taxiway.cli.registry import open_registry
from taxiway.cli.table import print_table
from taxiway.errors import TaxiwayError

app = typer.Typer(
    help="Read and verify the record of all changes.", no_args_is_help=True, rich_markup_mode=None
)
_SHOWN_FAULTS = 20
_COLUMNS = ("at", "actor", "via", "host", "action", "subject", "reason")


@app.command()
def log(
    subject: Annotated[
        str, typer.Option(help="flights/1.2.7; flights is all of it, token all tokens.")
    ] = "",
    actor: Annotated[str, typer.Option(help="Who changed it.")] = "",
    action: Annotated[str, typer.Option(help="version.registered; version is all of them.")] = "",
    since: Annotated[str, typer.Option(help="2026-03-01, 2026-03-01T12:00Z, or 7d ago.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """List changes, newest first."""
    from taxiway.registry.audit.log import Query, read_log
    from taxiway.registry.times import parse_moment

    query = Query(subject, actor, action, parse_moment(since, "--since"), limit)
    with open_registry(config, assignments).database.reading() as connection:
        entries = read_log(connection, query)
    if as_json:
        typer.echo(json.dumps([entry.to_json() for entry in entries], indent=2))
        return
    print_table(
        ("entry", "when", "who", "via", "host", "what", "of", "why"),
        [(str(one.sequence), *(getattr(one, name) for name in _COLUMNS)) for one in entries],
        right=("entry",),
        empty="no changes",
    )


@app.command()
def verify(
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="HASH:NUMBER, as `audit anchor` printed it. Repeatable."),
    ] = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Find entries that were changed, taken out, put in or moved; exit code 1 where there are."""
    from dataclasses import asdict

    from taxiway.registry.audit.verify import parse_anchor
    from taxiway.registry.audit.verify import verify as verified

    anchors = [parse_anchor(text) for text in anchor or ()]
    database = open_registry(config, assignments).database
    with progress_bar("verifying", quiet=as_json), database.reading() as connection:
        found = verified(connection, anchors)
    if as_json:
        typer.echo(json.dumps({"is_whole": not found.faults, **asdict(found)}, indent=2))
    if found.faults:
        shown = [f"  entry {one.sequence} {one.what}" for one in found.faults[:_SHOWN_FAULTS]]
        more = len(found.faults) - len(shown)
        raise TaxiwayError(
            "\n".join(
                [
                    f"the audit of {database.place} was tampered with:",
                    *shown,
                    *([f"  and {more:,} more"] if more else []),
                ]
            )
        )
    if not as_json:
        against = f", {len(anchors)} anchored" if anchors else ""
        typer.echo(f"{found.entries:,} entries, whole{against}; the last is {found.head}")


@app.command(name="anchor")
def anchor_(
    config: ConfigFiles = None, assignments: Assignments = None, as_json: AsJson = False
) -> None:
    """Print the last entry's hash and number, to be kept where no one can change it."""
    from dataclasses import asdict

    from taxiway.registry.audit.verify import read_head

    with open_registry(config, assignments).database.reading() as connection:
        head = read_head(connection)
    typer.echo(json.dumps({"anchor": str(head), **asdict(head)}, indent=2) if as_json else head)
