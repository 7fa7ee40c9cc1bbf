"""`taxiway rollout`: moves traffic between versions that are deployed, at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxiway.cli.options import (
    AsJson,
    Assignments,
    ConfigFiles,
    Environment,
    Reason,
    VersionArgument,
)
from taxiway.cli.registry import OpenRegistry, open_registry
from taxiway.cli.table import print_table
from taxiway.errors import EXIT_RUN_FAILED, ConfigError
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from taxiway.registry.database.session import Change
    from taxiway.registry.routes.gateways import Gateway, TakenUp
    from taxiway.registry.routes.moves import Move
    from taxiway.registry.routes.records import Revision

app = typer.Typer(
    help="Move traffic between versions: promote, undo, weights, status.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
ModelOption = Annotated[
    str, typer.Option("--model", help="Its name; without it the config's model.name.")
]
ExpectedRevision = Annotated[
    int | None,
    typer.Option(
        "--revision",
        min=1,
        help="Refuse where the route is not at this one, which `rollout status` names.",
    ),
]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for gateways to take it up, at most.")
]
WAIT_SECONDS = 30.0


@app.command()
def promote(
    version: VersionArgument,
    environment: Environment = None,
    reason: Reason = "",
    revision: ExpectedRevision = None,
    wait: Wait = WAIT_SECONDS,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Give a deployed version all traffic, at once.

    Exits with 1 where a gateway has not taken it up in time; the move stands, and it still tries.
    """
    registry = open_registry(config, assignments)
    from taxiway.registry.routes import moves

    found, where = registry.find(version), registry.environment(environment)

    def move(change: Change, expected: int) -> Move:
        return moves.promote(change, found, where, expected, reason)

    _move(registry, found.candidate.model, where, move, revision, wait, as_json)


@app.command()
def undo(
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    revision: ExpectedRevision = None,
    wait: Wait = WAIT_SECONDS,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Go back to the traffic before the last move or deployment, at once.

    Twice goes back by two: what was undone does not come back by itself. Exits as `promote`.
    """
    registry = open_registry(config, assignments)
    from taxiway.registry.routes import moves

    name, where = model or registry.model, registry.environment(environment)

    def move(change: Change, expected: int) -> Move:
        return moves.undo(change, name, where, expected, reason)

    _move(registry, name, where, move, revision, wait, as_json)


@app.command()
def weights(
    shares: Annotated[
        list[str],
        typer.Argument(metavar="VERSION=PERCENT...", help="Such as 1.2.7=90 1.3.0=10: 100 in all."),
    ],
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    revision: ExpectedRevision = None,
    wait: Wait = WAIT_SECONDS,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Split the traffic between deployed versions; a key keeps its version as far as it can.

    Exits as `promote`.
    """
    registry = open_registry(config, assignments)
    from taxiway.registry.catalog.references import find
    from taxiway.registry.routes import moves

    name, where = model or registry.model, registry.environment(environment)
    wanted = _parsed(shares)

    def move(change: Change, expected: int) -> Move:
        named = [(find(change.connection, text, name), slots) for text, slots in wanted]
        return moves.set_weights(change, name, where, named, expected, reason)

    _move(registry, name, where, move, revision, wait, as_json)


@app.command()
def status(
    model: ModelOption = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say how traffic is split, what undo would go back to, and which gateways go by it."""
    registry = open_registry(config, assignments)
    from taxiway.registry.routes.gateways import live_gateways
    from taxiway.registry.routes.moves import undo_target
    from taxiway.registry.routes.records import current

    name, where = model or registry.model, registry.environment(environment)
    with registry.database.reading() as connection:
        now = current(connection, name, where)
        before = now and undo_target(connection, now)
        gateways = live_gateways(connection, name, where)
    if as_json:
        typer.echo(json.dumps(_as_json(name, where, now, before, gateways), indent=2))
        return
    if now is None:
        there = f" in {where}" if where else ""
        typer.echo(one_line(f"no version of {name} serves{there}; next: taxiway serve"))
        return
    _print_status(now, before, gateways)


def _move(
    registry: OpenRegistry,
    model: str,
    environment: str,
    move: Callable[[Change, int], Move],
    expected: int | None,
    wait: float,
    as_json: bool,
) -> None:
    """Makes a move of the route as it is now, or is expected to be, and waits for gateways."""
    from taxiway.registry.auth.actor import Permission
    from taxiway.registry.routes.gateways import wait_until_taken_up
    from taxiway.registry.routes.records import revisions

    if expected is None:
        with registry.database.reading() as connection:
            expected = revisions(connection, [model], environment).get(model, 0)
    with registry.database.changing(registry.actor, Permission.DEPLOY) as change:
        made = move(change, expected)
    taken_up = wait_until_taken_up(registry.database, made.after, wait)
    if as_json:
        typer.echo(json.dumps(_moved(made, taken_up), indent=2))
    else:
        _tell(made, taken_up, wait)
    if taken_up.behind:
        raise typer.Exit(EXIT_RUN_FAILED)


def _parsed(shares: Sequence[str]) -> list[tuple[str, int]]:
    """Versions as they were named, and their slots."""
    from taxiway.registry.routes.moves import parse_weight

    wanted = []
    for share in shares:
        version, equals, percent = share.rpartition("=")
        if not equals or not version:
            raise ConfigError(
                f"received '{share[:80]}', expected VERSION=PERCENT",
                edit="such as 1.2.7=90 1.3.0=10",
            )
        wanted.append((version, parse_weight(percent)))
    return wanted


def _tell(made: Move, taken_up: TakenUp, waited: float) -> None:
    """What a person reads of a move."""
    from taxiway.registry.routes.moves import in_words

    there = f" in {made.after.environment}" if made.after.environment else ""
    traffic = f"{made.after.model}{there}: {in_words(made.after)}"
    if made.moved:
        traffic += f" (revision {made.after.revision}; before: {in_words(made.before)})"
    else:
        traffic += f" (revision {made.after.revision}: it was so already)"
    typer.echo(one_line(traffic))
    for one in taken_up.behind:
        why = one.error_of(made.after) or "it gives no reason"
        name = f"gateway {one.host}:{one.pid}"
        typer.echo(one_line(f"{name} has not taken it up after {waited:g} s: {why}"), err=True)
    if taken_up.ready:
        typer.echo(f"taken up by {_counted(len(taken_up.ready))}")
    elif not taken_up.behind:
        typer.echo("no gateway is running, so nobody serves; next: taxiway serve")


def _print_status(now: Revision, before: Revision | None, gateways: list[Gateway]) -> None:
    from taxiway.registry.routes.moves import in_words

    route = now.route
    why = f": {now.reason}" if now.reason else ""
    there = f" in {route.environment}" if route.environment else ""
    made = f"{now.action} by {now.moved_by} at {now.moved_at}{why}"
    typer.echo(one_line(f"{route.model}{there}, revision {route.revision}, {made}"))
    rows = [(arm.name, arm.version, f"{arm.weight:g}", str(arm.number)) for arm in route.arms]
    print_table(("arm", "version", "weight %", "number"), rows, right=("weight %", "number"))
    target = in_words(before.route) if before else "nothing: there was no route before"
    typer.echo(one_line(f"undo goes back to {target}"))
    if not gateways:
        typer.echo("no gateway is running, so nobody serves; next: taxiway serve")
        return
    rows = [
        (
            f"{one.host}:{one.pid}",
            one.seen_at,
            str(one.revisions.get(route.model, 0)),
            "yes" if one.has_taken_up(route) else one.error_of(route) or "not yet",
        )
        for one in gateways
    ]
    print_table(("gateway", "seen at", "revision", "taken up"), rows, right=("revision",))


def _counted(count: int) -> str:
    return "1 gateway" if count == 1 else f"{count} gateways"


def _moved(made: Move, taken_up: TakenUp) -> dict[str, Any]:
    route = made.after
    return {
        "model": route.model,
        "environment": route.environment,
        "moved": made.moved,
        "revision": route.revision,
        "arms": [arm.to_json() for arm in route.arms],
        "before": {
            "revision": made.before.revision,
            "arms": [arm.to_json() for arm in made.before.arms],
        },
        "taken_up_by": [one.id for one in taken_up.ready],
        "behind": [{"id": one.id, "why": one.error_of(route)} for one in taken_up.behind],
    }


def _as_json(
    model: str,
    environment: str,
    now: Revision | None,
    before: Revision | None,
    gateways: list[Gateway],
) -> dict[str, Any]:
    return {
        "model": model,
        "environment": environment,
        "revision": now.route.revision if now else 0,
        "arms": [arm.to_json() for arm in now.route.arms] if now else [],
        "action": now.action if now else "",
        "moved_by": now.moved_by if now else "",
        "moved_at": now.moved_at if now else "",
        "reason": now.reason if now else "",
        "undo": [arm.to_json() for arm in before.route.arms] if before else [],
        "gateways": [one.to_json() for one in gateways],
    }
