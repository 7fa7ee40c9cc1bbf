"""What served, from when to when, put there by whom and why: what deployers have acknowledged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from taxiway.errors import ConfigError
from taxiway.registry.database.session import Change
from taxiway.registry.database.tables import deployments, now
from taxiway.registry.deploy.queue import QueueEntry, close
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
    """When a deployer acknowledged it."""
    until: str
    """When a deployer acknowledged the next one; empty while this one serves."""

    @property
    def subject(self) -> str:
        """As the audit and the command line name its version: `flights/1.2.7`."""
        return f"{self.model}/{self.version}"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def acknowledge(change: Change, entry: QueueEntry, place: str) -> None:
    """Says, in one change, that a held entry serves from a place, and the one before no longer.

    Raises:
      LeaseLost: another deployer has taken the entry since.
    """
    close(change.connection, entry, "done")
    before = serving(change.connection, entry.model, entry.environment)
    since = now() if before is None else max(now(), before.since)  # clocks may be set back
    ends = and_(_of(entry.model, entry.environment), deployments.c.until == "")
    change.connection.execute(update(deployments).where(ends).values(until=since))
    about = {"place": place, "environment": entry.environment, "action": entry.action}
    change.connection.execute(
        insert(deployments).values(
            model=entry.model,
            version=entry.version,
            queue_id=entry.id,
            queued_by=entry.queued_by,
            deployed_by=change.actor.name,
            reason=entry.reason,
            since=since,
            until="",
            **about,
        )
    )
    instead_of = before and {"version": before.version, "place": before.place}
    change.record("deploy.served", entry.subject, instead_of, about, entry.reason)


def serving(connection: Connection, model: str, environment: str) -> Deployment | None:
    """What serves, as far as deployers have acknowledged; None where nothing does."""
    return _last(connection, _of(model, environment), deployments.c.until == "")


def served_before(connection: Connection, current: Deployment) -> Deployment | None:
    """The last that served another version, before this one; None where none did."""
    return _last(
        connection,
        _of(current.model, current.environment),
        deployments.c.id < current.id,
        deployments.c.version != current.version,
    )


def has_served(connection: Connection, model: str, version: str, environment: str) -> bool:
    """Whether a version has ever served in an environment."""
    served = _last(connection, _of(model, environment), deployments.c.version == version)
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
    )
