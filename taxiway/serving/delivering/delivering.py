"""Delivery in one gateway, with all its parts. Only wiring.

requests -> evidence -> meter ---+
               +-> rewards ------+--> exchange <-> registry <-> controller: rollouts, experiments
posted rewards --+    policies --+
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from taxiway.delivery.rollout.state import Rollout
from taxiway.registry.routes.route import Route
from taxiway.serving.decisions.experiments.background import AutoExperiments
from taxiway.serving.decisions.rewards.posted import RewardSink
from taxiway.serving.delivering.control.controller import Controller
from taxiway.serving.delivering.control.experiments import Experiments
from taxiway.serving.delivering.control.policies import Known, LearntPolicies
from taxiway.serving.delivering.control.rollouts import Rollouts
from taxiway.serving.delivering.evidence import LiveEvidence
from taxiway.serving.delivering.exchange import Exchange
from taxiway.serving.delivering.measuring.meter import Meter
from taxiway.serving.delivering.rewards.live import LiveRewards
from taxiway.serving.fleet.fleet import Fleet

if TYPE_CHECKING:
    from taxiway.config.schema import Config
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database

SECONDS: Final = 1.0
"""Between two looks at what there is to do, and two exchanges; less where a lease is so short that
it would lapse."""
_LOOKS_PER_LEASE: Final = 3
_KEPT_SECONDS: Final = 3600.0
"""For which sums are kept at least to which nothing is added."""
_HOUR: Final = 3600.0
_LOG = logging.getLogger(__name__)


class Delivering:
    """For one event loop; `close` it before the fleet.

    Args:
      config: of the gateway.
      database: the registry.
      actor: who moves traffic, as the audit has it.
      fleet: that follows the routes.
      log: keeps rewards.
      policies: that choose, which learn here.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        actor: Actor,
        fleet: Fleet,
        log: RewardSink,
        policies: LearntPolicies,
    ) -> None:
        delivery, environment = config.delivery, database.settings.environment
        kept_log, lease_seconds = config.serving.log, delivery.lease_seconds
        gateway, models = fleet.gateway.id, fleet.models
        seconds = min(SECONDS, delivery.lease_seconds / _LOOKS_PER_LEASE)
        kept = max(_KEPT_SECONDS, delivery.rewards.seconds) + seconds
        meter = Meter(environment, kept)
        self._policies = policies
        self._fleet = fleet
        self._rollouts = Rollouts(database, actor, gateway, models, lease_seconds, fleet.hurry)
        learning = Experiments(database, gateway, models, lease_seconds, self._have_learnt)
        window_hours = kept_log.reward_window_hours
        acting = AutoExperiments(
            database, gateway, environment, kept_log.root, window_hours, lease_seconds
        )
        window = window_hours * _HOUR
        self.rewards = LiveRewards(log, meter, delivery.rewards, window, policies.learn)
        self.evidence = LiveEvidence(meter, self.rewards, policies.chosen)
        self._controller = Controller([self._rollouts, learning, acting], seconds)
        self._exchange = Exchange(
            database, gateway, environment, meter, self.rewards, policies, self._split, seconds
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def rollouts(self) -> Mapping[str, Rollout]:
        """Those that have not ended, by model, as of the last look."""
        return self._rollouts.open

    @property
    def held(self) -> Collection[str]:
        """Models whose rollouts this gateway moves on."""
        return self._rollouts.held

    @property
    def trouble(self) -> Mapping[str, str]:
        """Why something waits, by what it is of; empty where nothing does."""
        exchange = self._exchange.trouble
        return self._controller.trouble | ({"evidence": exchange} if exchange else {})

    @property
    def counts(self) -> Mapping[str, int]:
        """Of rewards; see `RewardCounts`."""
        return asdict(self.rewards.counts)

    def start(self) -> None:
        """Begins to look, and to exchange."""
        self._loop = asyncio.get_running_loop()
        work = (self._controller.run(), self._exchange.run())
        self._tasks += [asyncio.create_task(_told(one)) for one in work]

    async def close(self) -> None:
        """Writes what was measured, and lets another gateway go on at once."""
        await asyncio.gather(self._exchange.close(), self._controller.close())
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _split(self) -> list[str]:
        routes = {name: self._fleet.route(name) for name in self._fleet.models}
        return [name for name, route in routes.items() if route is not None and is_split(route)]

    def _have_learnt(self, known: Mapping[int, Known]) -> None:
        """In the controller's thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._policies.put, known)


async def _told(work: Coroutine[Any, Any, None]) -> None:
    """An error that nobody has thought of ends it, and is told."""
    try:
        await work
    except Exception:
        _LOG.exception("delivery has an error of its own; restart the gateway")
        raise


def is_split(route: Route) -> bool:
    """Whether something is learnt from a route's requests: more than one version gets them."""
    return len(route.arms) > 1 or route.mirror is not None or route.policy is not None
