"""What served, from when to when, with what share of the traffic, put there by whom and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from taxiway.errors import ConfigError
from taxiway.registry.database.session import Change
from taxiway.registry.database.tables import deployments, now
from taxiway.registry.deploy.queue import QueueEntry, close
from taxiway.registry.routes.placed import number_of
from taxiway.registry.routes.records import current, write
from taxiway.registry.routes.route import STABLE, Arm, Route
from taxiway.registry.search.comparison import Period, period


@dataclass(frozen=True)
class Deployment:
    """A time in which a version served. Times are as `tables.now` writes them."""

    id: int
    model: str
    version: str
    environment: str
    place: str
    action: str
    queued_by: str
    deployed_by: str
    reason: str
    since: str
    """When a deployer acknowledged it, or traffic was moved to it."""
    until: str
    """When traffic moved on; empty while it serves."""
    arm: str = STABLE
    """Of the route."""
    weight: float = 100.0
    """Percent of the traffic."""

    @property
    def subject(self) -> str:
        """As the audit and the command line name its version: `flights/1.2.7`."""
        return f"{self.model}/{self.version}"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def acknowledge(change: Change, entry: QueueEntry, place: str) -> None:
    """Says, in one change, that a held entry has all traffic, and what had it before no longer.

    Raises:
      LeaseLost: another deployer has taken the entry since.
    """
    close(change.connection, entry, "done")
    before = current(change.connection, entry.model, entry.environment)
    arms = (Arm(STABLE, entry.version, number_of(place), place),)
    where = (entry.model, entry.environment, arms)
    write(change, before, *where, entry.action, entry.reason)
    asked = {"queue_id": entry.id, "queued_by": entry.queued_by}
    _replace(change, *where, asked | {"action": entry.action, "reason": entry.reason})
    about = {"place": place, "environment": entry.environment, "action": entry.action}
    stable = before and before.route.stable
    instead_of = stable and {"version": stable.version, "place": stable.place}
    change.record("deploy.served", entry.subject, instead_of, about, entry.reason)


def stage(change: Change, entry: QueueEntry, place: str) -> None:
    """Says, in one change, that a held entry is at its place, without any traffic yet.

    So moves of traffic know where gateways load it from, and the queue goes on.

    Raises:
      LeaseLost: another deployer has taken the entry since.
    """
    close(change.connection, entry, "done")
    about: dict[str, Any] = {
        "model": entry.model,
        "environment": entry.environment,
        "version": entry.version,
        "place": place,
        "arm": entry.version,
        "weight": 0.0,
        "action": entry.action,
        "queue_id": entry.id,
        "queued_by": entry.queued_by,
        "reason": entry.reason,
    }
    values = about | {"deployed_by": change.actor.name, "since": now(), "until": ""}
    change.connection.execute(insert(deployments).values(values))
    told = {"place": place, "environment": entry.environment, "action": entry.action}
    change.record("deploy.staged", entry.subject, None, told, entry.reason)


def record_move(change: Change, route: Route, action: str, reason: str) -> None:
    """Writes, in the change that moves traffic, what serves from now on and what no longer does.

    A version whose share stays as it is serves on.

    Args:
      route: as it is now.
      action: promote, weights or undo.
      reason: why.
    """
    there = _serving_now(change.connection, route.model, route.environment)
    wanted = {_key(arm.version, arm.place, arm.name, arm.weight): arm for arm in route.arms}
    kept = [one for one in there if _key(one.version, one.place, one.arm, one.weight) in wanted]
    for one in kept:
        del wanted[_key(one.version, one.place, one.arm, one.weight)]
    about = {"queued_by": change.actor.name, "action": action, "reason": reason}
    new, ids = list(wanted.values()), [one.id for one in kept]
    _replace(change, route.model, route.environment, new, about, ids)


def serving(connection: Connection, model: str, environment: str) -> Deployment | None:
    """What serves as the stable version; None where nothing was acknowledged."""
    return _last(connection, _of(model, environment), deployments.c.until == "", _IS_STABLE)


def served_before(connection: Connection, current: Deployment) -> Deployment | None:
    """The last stable one of another version, before this one; None where there was none."""
    return _last(
        connection,
        _of(current.model, current.environment),
        deployments.c.id < current.id,
        deployments.c.version != current.version,
        _IS_STABLE,
    )


def has_served(connection: Connection, model: str, version: str, environment: str) -> bool:
    """Whether a version has ever had traffic in an environment."""
    of = deployments.c
    served = _last(connection, _of(model, environment), of.version == version, of.weight > 0)
    return served is not None


def history(
    connection: Connection, model: str, environment: str, at: Period | None = None
) -> list[Deployment]:
    """What served, oldest first.

    Args:
      at: only what served then, for all of it or for a part.
    """
    query = select(deployments).where(_of(model, environment)).order_by(deployments.c.id)
    if at is not None:
        later = or_(deployments.c.until == "", deployments.c.until > written(at.start))
        query = query.where(deployments.c.since < written(at.end), later)
    return [_deployment(row) for row in connection.execute(query)]


def parse_at(text: str) -> Period:
    """The time that is asked about: see `search.comparison.period`.

    Raises:
      ConfigError: it is no time, or has not begun.
    """
    asked = period(text.strip())
    if asked is None:
        raise ConfigError(
            f"received '{text}', which is no time: expected such as 2026-03-01T12:00Z, "
            "2026-03-01T13:00+01:00, 2026-03-01 for a day or 2026-03 for a month (UTC, where no "
            "zone is named)",
            edit="--at",
        )
    if asked.start > datetime.now(timezone.utc):
        raise ConfigError(f"'{text}' is {written(asked.start)}, which has not come", edit="--at")
    return asked


def written(time: datetime) -> str:
    """A time as `tables.now` writes it; a year has four digits, however early it is."""
    utc = time.astimezone(timezone.utc)
    return utc.isoformat(timespec="microseconds").replace("+00:00", "Z")


def environments(connection: Connection, model: str) -> list[str]:
    """Where any version of a model has served."""
    query = select(deployments.c.environment).where(deployments.c.model == model).distinct()
    return list(connection.execute(query.order_by(deployments.c.environment)).scalars())


def first_acknowledged(connection: Connection, model: str, environment: str) -> str:
    """When the first deployment was acknowledged; empty where none was."""
    query = select(func.min(deployments.c.since)).where(_of(model, environment))
    return str(connection.execute(query).scalar() or "")


def _replace(
    change: Change,
    model: str,
    environment: str,
    arms: Sequence[Arm],
    about: Mapping[str, Any],
    kept: Sequence[int] = (),
) -> None:
    """Ends the deployments that serve, but for some, and begins one for each arm at that time."""
    connection = change.connection
    ends = and_(_of(model, environment), deployments.c.until == "", deployments.c.id.not_in(kept))
    begun = connection.execute(select(func.max(deployments.c.since)).where(ends)).scalar()
    at = max(now(), begun or "")  # clocks may be set back
    connection.execute(update(deployments).where(ends).values(until=at))
    made = {"model": model, "environment": environment, "since": at, "until": ""}
    made |= {"deployed_by": change.actor.name, **about}
    for arm in arms:
        values = {"version": arm.version, "place": arm.place, "arm": arm.name, "weight": arm.weight}
        connection.execute(insert(deployments).values(made | values))


def _serving_now(connection: Connection, model: str, environment: str) -> list[Deployment]:
    query = select(deployments).where(_of(model, environment), deployments.c.until == "")
    return [_deployment(row) for row in connection.execute(query)]


def _key(version: str, place: str, arm: str, weight: float) -> tuple[str, str, str, float]:
    """What a deployment is of; another share is another deployment."""
    return version, place, arm, weight


_IS_STABLE: Final = deployments.c.arm == STABLE


def _of(model: str, environment: str) -> ColumnElement[bool]:
    return and_(deployments.c.model == model, deployments.c.environment == environment)


def _last(connection: Connection, *conditions: ColumnElement[bool]) -> Deployment | None:
    query = select(deployments).where(*conditions).order_by(deployments.c.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _deployment(row)


def _deployment(row: Row[Any]) -> Deployment:
    return Deployment(
        id=row.id,
        model=row.model,
        version=row.version,
        environment=row.environment,
        place=row.place,
        action=row.action,
        queued_by=row.queued_by,
        deployed_by=row.deployed_by,
        reason=row.reason,
        since=row.since,
        until=row.until,
        arm=row.arm,
        weight=row.weight,
    )
