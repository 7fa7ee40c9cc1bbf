"""`taxiway models rollback`: back to what served before."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.deploy import deploy_command
from taxiway.cli.models.history import ModelArgument
from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment, Reason
from taxiway.cli.registry import open_registry
from taxiway.terminal import one_line


def rollback(
    model: ModelArgument = "",
    to: Annotated[
        str, typer.Option(help="A version that has served; without it the one before.")
    ] = "",
    reason: Reason = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Queue the version that served before the one that serves now; `taxiway deploy` publishes it.

    After a rollback that is the version that was rolled back from. Approval holds here too.
    """
    from taxiway.registry.auth.actor import Permission
    from taxiway.registry.catalog.references import find
    from taxiway.registry.deploy.rollback import rollback as queue_rollback

    registry = open_registry(config, assignments)
    name = model or registry.model
    where = registry.config.registry.environment if environment is None else environment
    with registry.database.changing(registry.actor, Permission.DEPLOY) as change:
        version = find(change.connection, to, name) if to else None
        made = queue_rollback(change, name, where, version, reason)
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
        return
    subject, before = made.version.subject, made.instead_of.subject
    state = "is queued" if made.queued else "waits in the queue already"
    there = f" in {where}" if where else ""
    typer.echo(one_line(f"{subject} {state}, to serve{there} in the place of {before}"))
    typer.echo(
        f"next: {deploy_command(config, assignments, environment)}, which publishes it under a "
        "number above all others and acknowledges"
    )
