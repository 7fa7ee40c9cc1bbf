"""`taxiway models approve`, `reject`, `promote` and `policy`: what may serve, and who says so."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

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
from taxiway.errors import EXIT_RUN_FAILED
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.approval.states import State
    from taxiway.registry.versions.records import ModelVersion


def approve(
    version: VersionArgument,
    environment: Environment = None,
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Approve a version; it is queued once its policy asks for nothing more."""
    registry = open_registry(config, assignments, environment)
    from taxiway.registry.approval import decisions

    found, place = registry.find(version), registry.config.registry.environment
    state = decisions.approve(registry.database, found, place, registry.actor, reason)
    _tell(found, place, state, as_json)


def reject(
    version: VersionArgument,
    reason: Annotated[
        str, typer.Option("--reason", "-m", help="Why; asked for, and the audit keeps it.")
    ] = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Reject a version, with a reason; it is deployed no more."""
    registry = open_registry(config, assignments, environment)
    from taxiway.registry.approval import decisions

    found, place = registry.find(version), registry.config.registry.environment
    state = decisions.reject(registry.database, found, place, registry.actor, reason)
    _tell(found, place, state, as_json)


def promote(
    version: VersionArgument,
    to: Annotated[str, typer.Option("--to", help="The environment: one in configs/environments/.")],
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Put a version before the policy of another environment."""
    registry = open_registry(config, assignments, to)
    from taxiway.registry.approval import decisions

    found = registry.find(version)
    _require_model(registry, found.candidate.model)
    settings = registry.config.registry
    state = decisions.promote(registry.database, found, settings, registry.actor, reason)
    _tell(found, settings.environment, state, as_json)
    if state.state == "rejected":
        raise typer.Exit(EXIT_RUN_FAILED)


def policy(
    model: Annotated[str, typer.Argument(help="Without it, the config's model.")] = "",
    accept: Annotated[
        bool, typer.Option("--accept", help="Put the config's policy in place of that on record.")
    ] = False,
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Show what a version of a model needs before it serves, by environment."""
    registry = open_registry(config, assignments, environment)
    from taxiway.registry.approval.recorded import accept_policy, recorded_policies, shown

    name = model or registry.model
    if accept:
        _require_model(registry, name)
        accept_policy(registry.database, name, registry.config.registry, registry.actor)
    with registry.database.reading() as connection:
        records = recorded_policies(connection, name)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in records], indent=2))
        return
    print_table(
        ("environment", "policy", "serves from", "since"),
        [
            (
                one.environment or "(of the runs)",
                shown(one.approval),
                " ".join(one.destinations),
                one.changed_at,
            )
            for one in records
        ],
        empty=f"{name} has no policy on record yet: its first version records the config's",
    )


def _require_model(registry: OpenRegistry, model: str) -> None:
    """A policy and the place that it guards are those of the config's model."""
    from taxiway.errors import ConfigError

    if model != registry.model:
        raise ConfigError(
            f"the config is that of the model {registry.model}, and {model} is another",
            edit="--config, or model.name",
        )


def _tell(version: ModelVersion, environment: str, state: State, as_json: bool) -> None:
    if as_json:
        values = {"version": version.subject, "environment": environment, **asdict(state)}
        typer.echo(json.dumps(values, indent=2))
        return
    from taxiway.registry.approval.states import in_words

    deploy = f"taxiway deploy{f' -e {environment}' if environment else ''}"
    queued = f"; queued for: {deploy}" if state.state == "approved" else ""
    typer.echo(f"{version.subject} {one_line(in_words(state, environment))}{queued}")
