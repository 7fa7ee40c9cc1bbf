"""Moves traffic in the registry's database, which gateways watch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from taxiway.cli.registry import OpenRegistry
from taxiway.cli.rollout.outcome import Behind, Outcome
from taxiway.registry.auth.actor import Permission
from taxiway.registry.routes.gateways import wait_until_taken_up
from taxiway.registry.routes.records import revisions

if TYPE_CHECKING:
    from taxiway.registry.database.session import Change
    from taxiway.registry.routes.moves import Move


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
    return taken_up(registry, made, wait)


def taken_up(registry: OpenRegistry, made: Move, wait: float) -> Outcome:
    """Waits until gateways go by a move, for so many seconds at most."""
    found = wait_until_taken_up(registry.database, made.after, wait)
    behind = [Behind(f"{one.host}:{one.pid}", one.error_of(made.after)) for one in found.behind]
    return Outcome(made.to_json(), [f"{one.host}:{one.pid}" for one in found.ready], behind)
