"""Rollouts in the registry: a row of each, and a row of each thing that happened to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from taxiway.delivery.rollout.state import Event, Rollout, phase_of
from taxiway.registry.database.tables import now, rollout_events, rollouts

_COLUMNS: Final = (
    *("id", "model", "environment", "version", "stable", "reason"),
    *("started_by", "started_at", "updated_at", "ended_at"),
)
MOST: Final = 1_000
"""Rollouts of a model, or events of one, that are read at once: the newest."""


def open_rollout(connection: Connection, model: str, environment: str) -> Rollout | None:
    """The one that has not ended; there is at most one."""
    query = select(rollouts).where(_of(model, environment), rollouts.c.ended_at == "")
    row = connection.execute(query.order_by(rollouts.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _rollout(row)


def models_with_open_rollouts(connection: Connection, environment: str) -> list[str]:
    """Whose traffic is being moved on; cheap enough to be asked all the time."""
    of = rollouts.c
    query = select(of.model).where(of.environment == environment, of.ended_at == "")
    return list(connection.execute(query.order_by(of.id)).scalars())


def read_rollout(connection: Connection, rollout_id: int) -> Rollout | None:
    """One by its id; None where there is no such."""
    query = select(rollouts).where(rollouts.c.id == rollout_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _rollout(row)


def rollouts_of(
    connection: Connection, model: str, environment: str, most: int = MOST
) -> list[Rollout]:
    """Of a model, the newest first."""
    query = select(rollouts).where(_of(model, environment)).order_by(rollouts.c.id.desc())
    return [_rollout(row) for row in connection.execute(query.limit(most))]


def events_of(connection: Connection, rollout_id: int, most: int = MOST) -> list[Event]:
    """What happened to one, oldest first; where it is more than `most`, the newest of it."""
    query = select(rollout_events).where(rollout_events.c.rollout_id == rollout_id)
    rows = connection.execute(query.order_by(rollout_events.c.id.desc()).limit(most)).all()
    return [Event(row.event, row.detail, row.at) for row in reversed(rows)]


def insert_rollout(connection: Connection, rollout: Rollout) -> Rollout:
    """Writes a new one, and gives it with its id and times."""
    at = now()
    rollout = rollout.with_(started_at=at, updated_at=at)
    made = connection.execute(insert(rollouts).values(_values(rollout)))
    assert made.inserted_primary_key is not None
    return rollout.with_(id=int(made.inserted_primary_key[0]))


def update_rollout(connection: Connection, rollout: Rollout) -> Rollout:
    """Writes one as it stands now; one that has ended, with its time."""
    at = now()
    ended_at = rollout.ended_at or ("" if rollout.is_open else at)
    rollout = rollout.with_(updated_at=at, ended_at=ended_at)
    values = _values(rollout)
    connection.execute(update(rollouts).where(rollouts.c.id == rollout.id).values(values))
    return rollout


def add_events(connection: Connection, rollout_id: int, events: Iterable[Event]) -> None:
    """Appends what happened; nothing of it is ever changed."""
    for one in events:
        values = {"rollout_id": rollout_id, "at": now(), "event": one.event}
        connection.execute(insert(rollout_events).values(values | {"detail": dict(one.detail)}))


def _values(rollout: Rollout) -> dict[str, Any]:
    found = {name: getattr(rollout, name) for name in _COLUMNS if name != "id"}
    written = {"strategy": rollout.strategy_json(), "state": rollout.state_json()}
    return found | written | {"phase": rollout.phase}


def _rollout(row: Row[Any]) -> Rollout:
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return Rollout.from_json(row.strategy, row.state, phase=phase_of(row.phase), **columns)


def _of(model: str, environment: str) -> ColumnElement[bool]:
    return and_(rollouts.c.model == model, rollouts.c.environment == environment)
