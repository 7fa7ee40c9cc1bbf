"""`taxiway rollout status`: how traffic is split, and which gateways go by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.registry import open_registry
from taxiway.cli.rollout.commands import ModelOption
from taxiway.cli.table import print_table
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.routes.gateways import Gateway
    from taxiway.registry.routes.records import Revision


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
