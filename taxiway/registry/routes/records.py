"""The routing table in the registry: each move is a revision, and none is ever changed.

An arm is kept as `{"name", "version", "number", "place", "ranges"}`; see `route.Arm`. What a route
says beside its arms is kept as `{"audience", "mirror", "policy"}`, of which none must be there.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select

from taxiway.registry.database.session import Change
from taxiway.registry.database.tables import now, routes
from taxiway.registry.routes.route import Arm, Condition, Mirror, Route, RoutePolicy

_SALT_BYTES: Final = 8


@dataclass(frozen=True)
class Extras:
    """What a route says beside its arms; see `Route`.

    Args:
      salt: another one than before, for keys to fall into slots anew; empty for the same.
    """

    audience: tuple[Condition, ...] = ()
    mirror: Mirror | None = None
    policy: RoutePolicy | None = None
    salt: str = ""


NO_EXTRAS: Final = Extras()


@dataclass(frozen=True)
class Revision:
    """A route, and the move that made it."""

    route: Route
    action: str
    """deploy, rollback, promote, weights, undo, or one of a rollout or an experiment."""
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


def newest_revisions(
    connection: Connection, model: str, environment: str, most: int
) -> list[Revision]:
    """How traffic was split last, newest first: the current revision, and those before it."""
    query = select(routes).where(routes.c.model == model, routes.c.environment == environment)
    rows = connection.execute(query.order_by(routes.c.revision.desc()).limit(most))
    return [_revision(row) for row in rows]


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
    extras: Extras = NO_EXTRAS,
) -> Route:
    """Makes the next revision, within a change; whoever calls says so in the audit.

    Args:
      before: the current one, as this change has read it.
      restores: see `Revision`.
      extras: what it says beside its arms.
    """
    salt = extras.salt or (before.route.salt if before else secrets.token_hex(_SALT_BYTES))
    number = before.route.revision + 1 if before else 1
    beside = (extras.audience, extras.mirror, extras.policy)
    route = Route(model, environment, number, salt, tuple(arms), *beside)
    change.connection.execute(
        insert(routes).values(
            model=model,
            environment=environment,
            revision=route.revision,
            salt=route.salt,
            arms=[asdict(arm) for arm in arms],
            extras=_extras_json(route),
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
    route = replace(route, **_extras(row.extras))
    return Revision(route, row.action, row.restores, row.moved_by, row.moved_at, row.reason)


def extras_of(route: Route) -> Extras:
    """What a route says beside its arms, with its salt."""
    return Extras(route.audience, route.mirror, route.policy, route.salt)


def _extras_json(route: Route) -> dict[str, Any]:
    found = {
        "audience": [asdict(one) for one in route.audience],
        "mirror": route.mirror and asdict(route.mirror),
        "policy": route.policy and asdict(route.policy),
    }
    return {name: value for name, value in found.items() if value}


def _extras(found: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "audience": tuple(
            Condition(one["source"], one["name"], tuple(one["values"]))
            for one in found.get("audience", ())
        )
    }
    if "mirror" in found:
        made["mirror"] = Mirror(**found["mirror"])
    if "policy" in found:
        made["policy"] = RoutePolicy(**found["policy"])
    return made
