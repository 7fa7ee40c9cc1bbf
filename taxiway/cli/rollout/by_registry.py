"""Moves traffic in the registry's database, which gateways watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from taxiway.cli.registry import OpenRegistry
from taxiway.cli.rollout.outcome import Behind, Outcome
from taxiway.delivery.rollout.apply import Request, request, settle
from taxiway.registry.auth.actor import Permission
from taxiway.registry.routes.gateways import wait_until_taken_up
from taxiway.registry.routes.records import current, revisions

if TYPE_CHECKING:
    from taxiway.registry.database.session import Change
    from taxiway.registry.routes.moves import Move
    from taxiway.registry.routes.route import Route


def move_by_registry(
    registry: OpenRegistry,
    model: str,
    environment: str,
    move: Callable[[Change, int], Move],
    expected: int | None,
    wait: float,
) -> Outcome:
    """Makes a move of the route as it is now, or is expected to be, and waits for gateways.

    Args:
      move: given the change and the revision that the route is to be at.
      expected: that revision; None for that of now.
      wait: seconds, at most.

    Raises:
      TaxiwayError: as the moves of taxiway/registry/routes/moves.py.
    """
    if expected is None:
        with registry.database.reading() as connection:
            expected = revisions(connection, [model], environment).get(model, 0)
    with registry.database.changing(registry.actor, Permission.DEPLOY) as change:
        made = move(change, expected)
        settle(change, model, environment)
    return taken_up(registry, made, wait)


def taken_up(registry: OpenRegistry, made: Move, wait: float) -> Outcome:
    """Waits until gateways go by a move, for so many seconds at most."""
    return _waited(registry, made.to_json(), made.after, wait)


def ask_by_registry(
    registry: OpenRegistry,
    model: str,
    environment: str,
    asked: Request,
    action: str,
    reason: str,
    wait: float,
) -> Outcome:
    """Does what is asked of the open rollout, and waits for gateways where that moves traffic.

    Args:
      asked: see `request` of taxiway/delivery/rollout/apply.py, which is called with it.
      wait: seconds, at most.

    Raises:
      TaxiwayError: as `request`.
    """
    with registry.database.changing(registry.actor, Permission.DEPLOY) as change:
        made = request(change, model, environment, asked, action, reason=reason)
        found = current(change.connection, model, environment)
    assert found is not None
    return _waited(registry, made.to_json(), found.route, wait)


def _waited(registry: OpenRegistry, made: Mapping[str, Any], route: Route, wait: float) -> Outcome:
    found = wait_until_taken_up(registry.database, route, wait)
    behind = [Behind(f"{one.host}:{one.pid}", one.error_of(route)) for one in found.behind]
    return Outcome(made, [f"{one.host}:{one.pid}" for one in found.ready], behind)
