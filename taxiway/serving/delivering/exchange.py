"""What gateways tell each other by the registry: sums of evidence, and rewards for one another.

In a thread of its own, for a database that is away holds up no request: what could not be written
is kept, and written later.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from taxiway.delivery.evidence.records import remove_measurements, write_measurements
from taxiway.delivery.experiment.learning import observe
from taxiway.delivery.policies.policy import Observation
from taxiway.errors import TaxiwayError
from taxiway.registry.database.tables import written
from taxiway.serving.delivering.control.policies import LearntPolicies
from taxiway.serving.delivering.measuring.meter import Meter, Sums
from taxiway.serving.delivering.rewards.live import LiveRewards
from taxiway.serving.delivering.rewards.records import (
    Posted,
    post,
    read_posted,
    remove_older,
    take,
)
from taxiway.serving.fleet.events import happens
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.database.session import Database

KEPT_SECONDS: Final = 30 * 86_400.0
"""For which measurements are kept in the registry, after they were last written."""
UPKEEP_SECONDS: Final = 3600.0
"""Between two times that older ones are removed."""
CLOSE_SECONDS: Final = 5.0
"""For which the registry is waited for when the gateway ends."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Sent:
    """What goes to the registry in one exchange."""

    sums: Sequence[Sums]
    posted: Sequence[Posted]
    wanted: Sequence[Posted]
    observed: Mapping[int, Sequence[Observation]]
    old: bool
    """Whether the table may have rewards that are too old."""

    @property
    def is_empty(self) -> bool:
        return not (self.sums or self.posted or self.wanted or self.observed or self.old)


@dataclass(frozen=True)
class _Received:
    """What comes back."""

    taken: Sequence[Posted]
    seen: Sequence[Posted]
    removed: int


class Exchange:
    """For one event loop; `close` it.

    Args:
      database: the registry.
      gateway: id of this one.
      environment: of its routes.
      meter: whose sums are written.
      rewards: that look for their decisions.
      policies: whose observations are written.
      split: names of models whose requests are split now: theirs are exchanged each time.
      seconds: between two exchanges.
    """

    def __init__(
        self,
        database: Database,
        gateway: str,
        environment: str,
        meter: Meter,
        rewards: LiveRewards,
        policies: LearntPolicies,
        split: Callable[[], Collection[str]],
        seconds: float,
    ) -> None:
        self.trouble = ""
        """Why the registry has not got all of it; empty where it has."""
        self._database = database
        self._gateway = gateway
        self._environment = environment
        self._meter = meter
        self._rewards = rewards
        self._policies = policies
        self._split = split
        self._seconds = seconds
        self._last_seen = 0
        self._upkeep_at = 0.0
        self._ending = asyncio.Event()
        self._alone = asyncio.Lock()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="evidence")

    async def run(self) -> None:
        """Exchanges until it is closed."""
        while not await happens(self._ending, self._seconds):
            split = self._split()
            for model in split:
                self._rewards.expect(model)
            async with self._alone:
                await self.once(self._meter.changed(hurried=split))

    async def close(self) -> None:
        """Writes what was measured since, if the registry takes it."""
        self._ending.set()
        closing = asyncio.ensure_future(self._last())
        await asyncio.wait([closing], timeout=CLOSE_SECONDS)
        self._thread.shutdown(wait=False)

    async def _last(self) -> None:
        async with self._alone:  # what an exchange under way has taken out of the table is counted
            await self.once(self._meter.changed())

    async def once(self, sums: Sequence[Sums]) -> None:
        """One exchange."""
        rewards = self._rewards
        observed = self._policies.observed()
        sent = _Sent(sums, rewards.to_post(), rewards.wanted(), observed, rewards.tidy())
        models = rewards.expecting()
        if sent.is_empty and not models:
            return
        loop = asyncio.get_running_loop()
        try:
            received = await loop.run_in_executor(self._thread, self._exchange, sent, models)
        except TaxiwayError as error:
            self._failed(sent, error.message)
        except Exception as error:
            _LOG.exception("the exchange of evidence")
            self._failed(sent, f"{type(error).__name__}: {error}")
        else:
            self.trouble = ""
            rewards.taken(sent.wanted, received.taken)
            rewards.seen(received.seen)
            rewards.counts.posted += len(sent.posted)
            rewards.counts.lost += received.removed

    def _failed(self, sent: _Sent, why: str) -> None:
        self._meter.not_written(sent.sums)
        self._rewards.not_posted(sent.posted)
        self._policies.not_written(sent.observed)
        told = f"evidence is not written: {why}"
        if not self.trouble:
            _LOG.warning("%s", one_line(told))
        self.trouble = told

    def _exchange(self, sent: _Sent, models: Sequence[str]) -> _Received:
        """In the thread."""
        now = time.monotonic()
        taken: Sequence[Posted] = ()
        removed = 0
        if not sent.is_empty:
            with self._database.working() as connection:
                for life, sums in _by_life(sent.sums):
                    gateway = f"{self._gateway}/{life}" if life else self._gateway
                    write_measurements(connection, gateway, [(of, one) for _, of, one in sums])
                post(connection, self._environment, self._gateway, sent.posted)
                for experiment, observations in sent.observed.items():
                    observe(connection, experiment, self._gateway, observations)
                taken = take(connection, sent.wanted)
                if now >= self._upkeep_at:
                    before = written(time.time() - KEPT_SECONDS)
                    remove_measurements(connection, self._environment, before)
                    self._upkeep_at = now + UPKEEP_SECONDS
                if sent.old:
                    removed = remove_older(connection, self._environment, self._rewards.too_old())
        seen: Sequence[Posted] = ()
        if models:
            with self._database.reading() as connection:
                seen = read_posted(connection, models, self._environment, self._last_seen)
            self._last_seen = max([self._last_seen, *(one.id for one in seen)])
        return _Received(taken, seen, removed)


def _by_life(sums: Iterable[Sums]) -> Iterable[tuple[int, Iterable[Sums]]]:
    return groupby(sorted(sums, key=lambda one: one.life), key=lambda one: one.life)
