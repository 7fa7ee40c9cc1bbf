"""What moves rollouts on: every gateway looks each second, and one at a time moves each of them.

Which one, a lease in the database says. All that is known of a rollout is there too, so that a
gateway that is killed takes nothing with it: when its lease is over, another goes on from there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from taxiway.delivery.lease import give_lease_back, is_held_by_another
from taxiway.delivery.rollout.apply import lease_of, tick
from taxiway.delivery.rollout.records import models_with_open_rollouts, open_rollout
from taxiway.delivery.rollout.state import Rollout
from taxiway.errors import TaxiwayError
from taxiway.serving.fleet.events import happens
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database

CLOSE_SECONDS: Final = 5.0
"""For which the registry is waited for when the gateway ends."""
_LOG = logging.getLogger(__name__)


class RolloutController:
    """For one event loop; `close` it.

    Args:
      database: the registry.
      actor: who moves traffic, as the audit has it.
      gateway: id of this one, which holds leases.
      environment: of its routes.
      models: that it serves.
      lease_seconds: for how long a rollout is this gateway's, from each look on.
      seconds: between two looks.
      on_move: called when a route was moved; on the event loop.
    """

    def __init__(
        self,
        database: Database,
        actor: Actor,
        gateway: str,
        environment: str,
        models: Sequence[str],
        *,
        lease_seconds: float,
        seconds: float,
        on_move: Callable[[], None],
    ) -> None:
        self.rollouts: Mapping[str, Rollout] = {}
        """Those that are open, by model, as of the last look."""
        self.held: frozenset[str] = frozenset()
        """Models whose rollouts this gateway moves on."""
        self.trouble: Mapping[str, str] = {}
        """By model, why its rollout is not moved on; of all, where the name is empty."""
        self._database = database
        self._actor = actor
        self._gateway = gateway
        self._environment = environment
        self._models = tuple(models)
        self._lease_seconds = lease_seconds
        self._seconds = seconds
        self._on_move = on_move
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._ended = False
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="rollouts")

    async def run(self) -> None:
        """Looks for as long as it is not cancelled."""
        while True:
            self._wake.clear()
            await self._loop.run_in_executor(self._thread, self._look)
            await happens(self._wake, self._seconds)

    def hurry(self) -> None:
        """Looks at once, as where a rollout was started here."""
        self._wake.set()

    async def close(self) -> None:
        """Lets another gateway go on at once."""
        self._ended = True
        closing = asyncio.ensure_future(self._loop.run_in_executor(self._thread, self._give_back))
        await asyncio.wait([closing], timeout=CLOSE_SECONDS)
        self._thread.shutdown(wait=False)

    def _look(self) -> None:
        """In the thread, which waits for the database."""
        trouble: dict[str, str] = {}
        try:
            found, free = self._open()
        except TaxiwayError as error:
            self._tell({"": error.message})
            return
        held = set()
        for model in free:
            if self._ended:
                return
            try:
                moved = self._tick(model, found[model])
            except TaxiwayError as error:
                trouble[model] = error.message
            except Exception as error:
                _LOG.exception("the rollout of %s", model)
                trouble[model] = f"{type(error).__name__}: {error}"
            else:
                if moved is not None:
                    found[model] = moved
                    held.add(model)
        self.rollouts = {model: one for model, one in found.items() if one.is_open}
        self.held = frozenset(held & self.rollouts.keys())
        self._tell(trouble)

    def _open(self) -> tuple[dict[str, Rollout], list[str]]:
        """Open rollouts of the models, and those of them that nobody else moves on."""
        found, free = {}, []
        with self._database.reading() as connection:
            for model in models_with_open_rollouts(connection, self._environment):
                rollout = open_rollout(connection, model, self._environment)
                if model not in self._models or rollout is None:
                    continue
                found[model] = rollout
                lease = lease_of(model, self._environment)
                if not is_held_by_another(connection, lease, self._gateway):
                    free.append(model)
        return found, free

    def _tick(self, model: str, before: Rollout) -> Rollout | None:
        where = (model, self._environment, self._gateway, self._lease_seconds)
        rollout = tick(self._database, self._actor, *where)
        if rollout is None:
            return None
        if rollout.revision != before.revision:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._on_move)
        if (rollout.phase, rollout.step) != (before.phase, before.step):
            _LOG.info(
                "the rollout of %s is %s at %g%%: %s",
                one_line(rollout.subject), rollout.phase, rollout.shape.weight,
                one_line(rollout.reason),
            )  # fmt: skip
        return rollout

    def _tell(self, trouble: Mapping[str, str]) -> None:
        """Says what is wrong once, not at each look."""
        for model, why in trouble.items():
            if self.trouble.get(model) != why:
                _LOG.error("rollouts%s wait: %s", f" of {model}" if model else "", one_line(why))
        self.trouble = trouble

    def _give_back(self) -> None:
        if not self.held:
            return
        with contextlib.suppress(TaxiwayError), self._database.working() as connection:
            for model in self.held:
                give_lease_back(connection, lease_of(model, self._environment), self._gateway)
