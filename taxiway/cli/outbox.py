"""`taxiway outbox`: what is to leave for other systems."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED

if TYPE_CHECKING:
    from taxiway.registry.outbox.senders import Sender

app = typer.Typer(help="See and send what waits for other systems.", no_args_is_help=True)


@app.command(name="list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also what has been sent.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """List what could not be sent yet, why, and what was given up."""
    from taxiway.cli.table import print_table
    from taxiway.registry.database.session import open_database
    from taxiway.registry.outbox.messages import SENT, UNSENT, counts, list_messages

    database = open_database(resolve(config, assignments).registry)
    found = list_messages(database, (*UNSENT, SENT) if all_ else UNSENT, limit=limit)
    if as_json:
        typer.echo(json.dumps([asdict(message) for message in found], indent=2))
        return
    print_table(
        ("kind", "key", "state", "tries", "created (UTC)", "error"),
        [
            [
                one.kind,
                one.key,
                one.state.replace("_", " "),
                str(one.tries),
                one.created_at[:16].replace("T", " "),
                one.error,
            ]
            for one in found
        ],
        right=["tries"],
    )
    number = counts(database)
    typer.echo(", ".join(f"{number[state]} {state.replace('_', ' ')}" for state in number))


@app.command()
def flush(
    given_up: Annotated[
        bool, typer.Option("--given-up", help="Try anew what was given up, too.")
    ] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Send now what waits, due or not.

    Exit code 0 where nothing is left, else 1.
    """
    from taxiway.registry.database.session import open_database
    from taxiway.registry.outbox.drain import drain, retry_given_up
    from taxiway.registry.outbox.messages import list_messages
    from taxiway.terminal import one_line

    database = open_database(resolve(config, assignments).registry)
    if given_up:
        retry_given_up(database)
    done = drain(database, _senders(), early=True)
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2))
    else:
        typer.echo(
            f"{done.taken} taken: {done.sent} sent, {done.failed} failed, "
            f"{done.given_up} given up; {done.left} left"
        )
        for message in list_messages(database) if done.taken > done.sent else ():
            typer.echo(one_line(f"{message.kind} {message.key}: {message.error}"))
    raise typer.Exit(EXIT_OK if done.taken == done.sent and not done.left else EXIT_RUN_FAILED)


def _senders() -> dict[str, Sender]:
    """The registry's, and those of parts above it that may have been taken away."""
    from taxiway.registry.outbox.senders import SENDERS

    found = dict(SENDERS)
    try:
        from taxiway.tracking.mlflow.send import MLFLOW, send
    except ModuleNotFoundError:
        return found
    return found | {MLFLOW: send}
