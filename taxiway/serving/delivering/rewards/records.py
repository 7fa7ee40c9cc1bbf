"""The table of rewards that no gateway has joined to their decision yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select

from taxiway.registry.database.tables import posted_rewards
from taxiway.serving.decisions.record import Reward

_AT_ONCE: Final = 5_000
"""That are read in one look; the rest in the next ones."""


@dataclass(frozen=True)
class Posted:
    """A reward as it is in the table.

    Args:
      id: of its row; 0 before it has one.
      model: whose decision it is of.
      request_id: of that; empty where `digest` says whose it is.
      digest: of a key, see `decided.key_digest`; empty where it is of one request.
      name: of the reward.
      value: of it.
      time_us: when it came to be, in microseconds since the epoch.
      at: when it was posted, in seconds since the epoch.
    """

    id: int
    model: str
    request_id: str
    digest: str
    name: str
    value: float
    time_us: int
    at: float

    @property
    def which(self) -> str:
        """By what its decision is found."""
        return self.request_id or self.digest

    def reward(self) -> Reward:
        """As the log has it, without a key."""
        return Reward(self.request_id, self.value, self.model, self.name, self.time_us)


def post(connection: Connection, environment: str, gateway: str, found: Iterable[Posted]) -> None:
    """Writes rewards into the table.

    Args:
      environment: of the gateways that may have made the decisions.
      gateway: that knows none of them.
      found: rewards.
    """
    rows = [
        {
            "model": one.model,
            "environment": environment,
            "request_id": one.request_id,
            "reward": {name: asdict(one)[name] for name in _KEPT},
            "gateway": gateway,
            "at": one.at,
        }
        for one in found
    ]
    if rows:
        connection.execute(insert(posted_rewards), rows)


def read_posted(
    connection: Connection, models: Sequence[str], environment: str, after: int
) -> list[Posted]:
    """Those of some models that came after a row, by id; not all where there are many."""
    of = posted_rewards.c
    query = select(posted_rewards).where(of.id > after, of.environment == environment)
    query = query.where(of.model.in_(models)).order_by(of.id).limit(_AT_ONCE)
    return [_posted(row) for row in connection.execute(query)]


def take(connection: Connection, found: Iterable[Posted]) -> list[Posted]:
    """Removes rewards from the table; those that were still there, so that one has each."""
    gone = (delete(posted_rewards).where(posted_rewards.c.id == one.id) for one in found)
    return [
        one
        for one, removed in zip(found, gone, strict=True)
        if connection.execute(removed).rowcount == 1
    ]


def remove_older(connection: Connection, environment: str, at: float) -> int:
    """Removes what was posted before a time, in seconds since the epoch; how many."""
    of = posted_rewards.c
    old = delete(posted_rewards).where(of.environment == environment, of.at < at)
    return int(connection.execute(old).rowcount)


_KEPT: Final = ("digest", "name", "value", "time_us")


def _posted(row: Row[Any]) -> Posted:
    return Posted(id=row.id, model=row.model, request_id=row.request_id, at=row.at, **row.reward)
