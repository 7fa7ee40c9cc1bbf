"""`taxiway rollout start`, `pause`, `resume` and `abort`: a version on its way by steps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from taxiway.cli.options import (
    AsJson,
    Assignments,
    ConfigFiles,
    Environment,
    Reason,
    VersionArgument,
)
from taxiway.cli.registry import open_registry
from taxiway.cli.rollout.commands import WAIT_SECONDS, ModelOption, Wait
from taxiway.cli.rollout.outcome import Outcome, tell_rollout

if TYPE_CHECKING:
    from collections.abc import Callable

    from taxiway.cli.registry import OpenRegistry
    from taxiway.delivery.rollout.apply import Request


def start(
    version: VersionArgument,
    environment: Environment = None,
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Bring a deployed version to users by the steps of the config's delivery.strategy.

    Gateways move it on, one of them at a time; see `status --watch`.
    """
    registry = open_registry(config, assignments)
    from taxiway.delivery.rollout.apply import start as begin
    from taxiway.registry.auth.actor import Permission
    from taxiway.registry.routes.gateways import live_gateways

    found, where = registry.find(version), registry.environment(environment)
    with registry.database.changing(registry.actor, Permission.DEPLOY) as change:
        made = begin(change, found, where, registry.config.delivery, reason)
        live = live_gateways(change.connection, made.model, where)
    tell_rollout(Outcome(made.to_json(), [], []), None, as_json)
    if not as_json:
        nobody = "no gateway is running, so nobody moves it on; next: taxiway serve"
        typer.echo("next: taxiway rollout status --watch" if live else nobody)


def pause(
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Stop the open rollout where it is, until `resume`."""
    registry = open_registry(config, assignments)
    ask(registry, model, environment, "pause", reason, 0.0, as_json)


def resume(
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    wait: Wait = WAIT_SECONDS,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Go on with the open rollout: after `pause`, a pause without an end, or doubtful looks."""
    registry = open_registry(config, assignments)
    ask(registry, model, environment, "resume", reason, wait, as_json)


def abort(
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    wait: Wait = WAIT_SECONDS,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """End the open rollout with all traffic on the stable version, at once.

    Exits with 1 where a gateway has not taken it up in time; the move stands, and it still tries.
    """
    registry = open_registry(config, assignments)
    ask(registry, model, environment, "abort", reason, wait, as_json)


def ask(
    registry: OpenRegistry,
    model: str,
    environment: str | None,
    action: str,
    reason: str,
    wait: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Asks something of the open rollout, and tells what came of it.

    Args:
      action: a function of taxiway/delivery/rollout/requests.py, which gets the options.
      wait: seconds for gateways, at most.
    """
    from taxiway.cli.rollout.by_registry import ask_by_registry
    from taxiway.delivery.rollout import requests

    name, where = model or registry.model, registry.environment(environment)
    asked: Callable[..., Any] = getattr(requests, action)
    given = {"by": registry.actor.name, "reason": reason, **options}
    request: Request = partial(asked, **given)
    outcome = ask_by_registry(registry, name, where, request, action, reason, wait)
    tell_rollout(outcome, wait if action != "pause" else None, as_json)
