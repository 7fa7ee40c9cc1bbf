"""The routing table in the registry: each move is a revision, and none is ever changed.

An arm is kept as `{"name", "version", "number", "place", "ranges"}`; see `route.Arm`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select

from taxiway.registry.database.session import Change
from taxiway.registry.database.tables import now, routes
from taxiway.registry.routes.route import Arm, Route

_SALT_BYTES: Final = 8


@dataclass(frozen=True)
class Revision:
    """A route, and the move that made it."""

    route: Route
    action: str
    """deploy, rollback, promote, weights or undo."""
    restores: int
    """Of undo: the revision that it went back to; else 0."""
    moved_by: str
    moved_at: str
    reason: str


def current(connection: Connection, model: str, environment: str) -> Revision | None:
    """How traffic is split; None where nothing of the model was deployed there."""
    query = select(routes).where(routes.c.model == model, routes.c.environment == environment)
    row = connection.execute(query.order_by(routes.c.revision.desc()).limit(1)).one_or_none()
    return None if row is None else _revision(row)


def read_revision(
    connection: Connection, model: str, environment: str, revision: int
) -> Revision | None:
    """How traffic was split as of a revision; None where there is no such."""
    query = select(routes).where(routes.c.model == model, routes.c.environment == environment)
    row = connection.execute(query.where(routes.c.revision == revision)).one_or_none()
    return None if row is None else _revision(row)


def revisions(connection: Connection, models: Iterable[str], environment: str) -> dict[str, int]:
    """The revision of each model that has a route; cheap enough to be asked all the time."""
    of = routes.c
    query = select(of.model, func.max(of.revision).label("revision"))
    query = query.where(of.model.in_(list(models)), of.environment == environment)
    return {row.model: row.revision for row in connection.execute(query.group_by(of.model))}


def write(
    change: Change,
    before: Revision | None,
    model: str,
    environment: str,
    arms: Sequence[Arm],
    action: str,
    reason: str,
    restores: int = 0,
) -> Route:
    """Makes the next revision, within a change; whoever calls says so in the audit.

    Args:
      before: the current one, as this change has read it.
      restores: see `Revision`.
    """
    salt = before.route.salt if before else secrets.token_hex(_SALT_BYTES)
    number = before.route.revision + 1 if before else 1
    route = Route(model, environment, number, salt, tuple(arms))
    change.connection.execute(
        insert(routes).values(
            model=model,
            environment=environment,
            revision=route.revision,
            salt=route.salt,
            arms=[asdict(arm) for arm in arms],
            action=action,
            restores=restores,
            moved_by=change.actor.name,
            moved_at=now(),
            reason=reason,
        )
    )
    return route


def _revision(row: Row[Any]) -> Revision:
    arms = tuple(
        Arm(
            name=arm["name"],
            version=arm["version"],
            number=arm["number"],
            place=arm["place"],
            ranges=tuple((start, end) for start, end in arm["ranges"]),
        )
        for arm in row.arms
    )
    route = Route(row.model, row.environment, row.revision, row.salt, arms)
    return Revision(route, row.action, row.restores, row.moved_by, row.moved_at, row.reason)
