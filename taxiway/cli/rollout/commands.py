"""`taxiway rollout promote`, `undo` and `weights`: the moves, by the registry or by a gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.cli.options import (
    AsJson,
    Assignments,
    ConfigFiles,
    Environment,
    Reason,
)
from taxiway.cli.registry import open_registry
from taxiway.cli.rollout.outcome import tell
from taxiway.errors import ConfigError

if TYPE_CHECKING:
    from taxiway.registry.database.session import Change
    from taxiway.registry.routes.moves import Move

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
GatewayOption = Annotated[
    str,
    typer.Option(
        "--gateway",
        metavar="URL",
        help="Have a gateway do it, by its admin port, such as http://127.0.0.1:8502: it is done "
        "sooner, since neither config nor database is opened here.",
    ),
]
WAIT_SECONDS = 30.0
OptionalVersion = Annotated[
    str,
    typer.Argument(
        metavar="[VERSION]",
        help="As elsewhere, to have all traffic at once; without it the open rollout goes on.",
    ),
]


def promote(
    version: OptionalVersion = "",
    full: Annotated[
        bool, typer.Option("--full", help="Skip all steps of the open rollout, not only this one.")
    ] = False,
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    revision: ExpectedRevision = None,
    wait: Wait = WAIT_SECONDS,
    gateway: GatewayOption = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Give a deployed version all traffic at once, or have the open rollout skip its step.

    Exits with 1 where a gateway has not taken it up in time; the move stands, and it still tries.
    """
    if gateway:
        from taxiway.cli.rollout.by_gateway import move_by_gateway

        _by_its_own_config(config, assignments, environment)
        if full or not version:
            raise ConfigError(
                "received --gateway and no version, and steps of a rollout go by the registry",
                edit="leave out --gateway, or name a version",
            )
        named, mark, _ = version.replace("@", "/").partition("/")  # as in flights/1.2.7
        wanted = {"version": version, "reason": reason, "revision": revision}
        of = model or (named if mark else "")
        tell(move_by_gateway(gateway, "promote", of, wanted, wait), wait, as_json)
        return
    registry = open_registry(config, assignments)
    if not version:
        from taxiway.cli.rollout.delivered import ask

        ask(registry, model, environment, "promote", reason, wait, as_json, full=full)
        return
    if full:
        raise ConfigError(
            "received --full and a version, and a version has all traffic at once",
            edit="leave out --full, or the version",
        )
    from taxiway.cli.rollout.by_registry import move_by_registry
    from taxiway.registry.routes import moves

    found, where = registry.find(version), registry.environment(environment)

    def move(change: Change, expected: int) -> Move:
        return moves.promote(change, found, where, expected, reason)

    name = found.candidate.model
    tell(move_by_registry(registry, name, where, move, revision, wait), wait, as_json)


def undo(
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    revision: ExpectedRevision = None,
    wait: Wait = WAIT_SECONDS,
    gateway: GatewayOption = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Go back to the traffic before the last move or deployment, at once.

    Twice goes back by two: what was undone does not come back by itself. Exits as `promote`.
    """
    if gateway:
        from taxiway.cli.rollout.by_gateway import move_by_gateway

        _by_its_own_config(config, assignments, environment)
        wanted = {"reason": reason, "revision": revision}
        tell(move_by_gateway(gateway, "undo", model, wanted, wait), wait, as_json)
        return
    registry = open_registry(config, assignments)
    from taxiway.cli.rollout.by_registry import move_by_registry
    from taxiway.registry.routes import moves

    name, where = model or registry.model, registry.environment(environment)

    def move(change: Change, expected: int) -> Move:
        return moves.undo(change, name, where, expected, reason)

    tell(move_by_registry(registry, name, where, move, revision, wait), wait, as_json)


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
    gateway: GatewayOption = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Split the traffic between deployed versions; a key keeps its version as far as it can.

    Exits as `promote`.
    """
    named = parsed_shares(shares)
    if gateway:
        from taxiway.cli.rollout.by_gateway import move_by_gateway

        _by_its_own_config(config, assignments, environment)
        wanted = {"weights": dict(named), "reason": reason, "revision": revision}
        tell(move_by_gateway(gateway, "weights", model, wanted, wait), wait, as_json)
        return
    registry = open_registry(config, assignments)
    from taxiway.cli.rollout.by_registry import move_by_registry
    from taxiway.registry.catalog.references import find
    from taxiway.registry.routes import moves

    name, where = model or registry.model, registry.environment(environment)

    def move(change: Change, expected: int) -> Move:
        wanted = [
            (find(change.connection, version, name), moves.parse_weight(percent))
            for version, percent in named
        ]
        return moves.set_weights(change, name, where, wanted, expected, reason)

    tell(move_by_registry(registry, name, where, move, revision, wait), wait, as_json)


def parsed_shares(shares: Sequence[str]) -> list[tuple[str, str]]:
    """Versions as they were named, each with its percent."""
    edit = "such as 1.2.7=90 1.3.0=10"
    wanted: list[tuple[str, str]] = []
    for share in shares:
        version, equals, percent = share.rpartition("=")
        if not equals or not version:
            raise ConfigError(f"received '{share[:80]}', expected VERSION=PERCENT", edit=edit)
        if version in dict(wanted):
            raise ConfigError(f"'{version[:80]}' has more than one weight", edit=edit)
        wanted.append((version, percent))
    return wanted


def _by_its_own_config(
    config: Sequence[str] | None, assignments: Sequence[str] | None, environment: str | None
) -> None:
    """Refuses what says which registry and environment, beside a gateway that knows."""
    given = {"--config": config, "--set": assignments, "--environment": environment}
    named = [option for option, value in given.items() if value]
    if named:
        raise ConfigError(
            f"received --gateway and {', '.join(named)}, and a gateway goes by its own config",
            edit=f"leave out --gateway, or {', '.join(named)}",
        )
