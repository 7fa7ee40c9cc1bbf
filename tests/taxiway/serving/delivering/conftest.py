"""A registry on SQLite, and gateways' rewards over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.evidence.records import AUDIENCE, read_measurements, summed
from taxiway.delivery.section import Rewards
from taxiway.registry.database.session import Database
from taxiway.registry.section import Registry
from taxiway.serving.decisions.record import Reward
from taxiway.serving.delivering.control.policies import LearntPolicies
from taxiway.serving.delivering.exchange import Exchange
from taxiway.serving.delivering.measuring.meter import Meter, Where
from taxiway.serving.delivering.rewards.decided import Decided, key_digest
from taxiway.serving.delivering.rewards.live import LiveRewards
from tests.taxiway.registry.conftest import KINDS, sections

MODEL = "flights"
STABLE: Where = (MODEL, 3, "1.0.0", AUDIENCE)
CANARY: Where = (MODEL, 3, "1.1.0", AUDIENCE)
WINDOW = 3600.0


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Log:
    """Keeps rewards in a list."""

    def __init__(self) -> None:
        self.kept: list[Reward] = []

    async def record_reward(self, reward: Reward) -> None:
        self.kept.append(reward)


class Site:
    """What one gateway has of delivery, but its requests."""

    def __init__(
        self, database: Database, name: str, clock: Clock, settings: Rewards | None = None
    ) -> None:
        self.clock = clock
        self.log = Log()
        self.learnt: list[tuple[str, float]] = []
        self.meter = Meter("", WINDOW)
        self.rewards = LiveRewards(
            self.log,
            self.meter,
            settings or Rewards(),
            WINDOW,
            lambda decided, reward: self.learnt.append((decided.request_id, reward.value)),
            clock,
        )
        self.policies = LearntPolicies()
        self.exchange = Exchange(
            database, name, "", self.meter, self.rewards, self.policies, lambda: [MODEL], 0.01
        )
        self.rewards.expect(MODEL)

    def decided(
        self, request_id: str, where: Where | None = STABLE, key: str = "", context: Any = None
    ) -> None:
        """A decision that this gateway makes now."""
        digest = key_digest(MODEL, key) if key else ""
        self.rewards.decided(MODEL, Decided(request_id, where, self.clock(), digest, context))

    async def told(self, value: float, request_id: str = "", **named: Any) -> None:
        """A reward that is posted to this gateway."""
        await self.rewards.record_reward(Reward(request_id, value, MODEL, **named))

    async def exchanged(self) -> None:
        """One exchange with the registry."""
        await self.exchange.once(self.meter.changed())


__all__ = ["sections"]
every_kind = pytest.mark.parametrize("database", KINDS, indirect=True)


@pytest.fixture
def database(
    request: pytest.FixtureRequest, sections: Callable[[str], Registry]
) -> Iterator[Database]:
    """An empty registry, on SQLite unless a test says otherwise."""
    opened = Database(sections(getattr(request, "param", "sqlite")))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run(work: Coroutine[Any, Any, None]) -> None:
    """As a gateway's loop does."""
    asyncio.run(work)


def in_registry(database: Database, where: Where) -> Measured:
    """What all gateways have written of a version."""
    with database.reading() as connection:
        found = read_measurements(connection, MODEL, "", 0)
    return summed(found, where[2], where[3])
