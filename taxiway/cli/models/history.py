"""`taxiway models history`: what served from when to when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxiway.cli.deploy import deploy_command
from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.registry import open_registry
from taxiway.cli.table import print_table
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from taxiway.registry.deploy.history import Deployment
    from taxiway.registry.search.comparison import Period

ModelArgument = Annotated[
    str, typer.Argument(metavar="[MODEL]", help="Its name; without it the config's model.name.")
]
COLUMNS = ("version", "weight %", "since", "until", "queued by", "deployed by", "why")


def history(
    model: ModelArgument = "",
    at: Annotated[
        str,
        typer.Option(
            help="Only what served then: 2026-03-01T12:00Z (or another zone, as +01:00; UTC where "
            "none is named), 2026-03-01 for a day, 2026-03 for a month."
        ),
    ] = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say which version served from when to when, put there by whom and why.

    What serves is what a deployer has acknowledged, or `rollout` moved traffic to. Times are UTC.
    """
    from taxiway.registry.catalog.references import require_model
    from taxiway.registry.deploy.history import history as read_history
    from taxiway.registry.deploy.history import parse_at
    from taxiway.registry.deploy.queue import open_entries

    registry = open_registry(config, assignments)
    name = model or registry.model
    where = registry.config.registry.environment if environment is None else environment
    asked = parse_at(at) if at else None
    with registry.database.reading() as connection:
        if model:
            require_model(connection, model)
        found = read_history(connection, name, where, asked)
        waiting = [entry.subject for entry in open_entries(connection, name, where)]
        nothing = "" if found else _nothing(connection, name, where, asked)
    if as_json:
        typer.echo(json.dumps(_as_json(name, where, asked, found, waiting), indent=2))
        return
    print_table(COLUMNS, [_row(one) for one in found], right=("weight %",), empty=nothing)
    if waiting and asked is None:
        command = deploy_command(config, assignments, environment)
        told = f"{len(waiting)} in the queue: {', '.join(waiting)}"
        typer.echo(f"{one_line(told)}; next: {command}")


def _row(deployment: Deployment) -> tuple[str, ...]:
    action, reason = deployment.action, deployment.reason
    return (
        deployment.subject,
        f"{deployment.weight:g}",
        deployment.since,
        deployment.until or "serves now",
        deployment.queued_by,
        deployment.deployed_by,
        f"{action}: {reason}" if reason else action,
    )


def _nothing(connection: Connection, model: str, environment: str, at: Period | None) -> str:
    """Why there is nothing to show."""
    from taxiway.registry.deploy.history import environments, first_acknowledged

    there = f" in {environment}" if environment else ""
    first = first_acknowledged(connection, model, environment)
    if first and at is not None:
        return f"nothing of {model} served{there} then: the first did from {first} on"
    elsewhere = ", ".join(filter(None, environments(connection, model)))
    also = f" (it was in: {elsewhere})" if elsewhere else ""
    return f"no deployment of {model}{there} has been acknowledged, as `taxiway deploy` does{also}"


def _as_json(
    model: str, environment: str, at: Period | None, found: list[Deployment], waiting: list[str]
) -> dict[str, Any]:
    from taxiway.registry.deploy.history import written

    return {
        "model": model,
        "environment": environment,
        "at": at and {"start": written(at.start), "end": written(at.end)},
        "deployments": [deployment.to_json() for deployment in found],
        "waiting": waiting,
    }
