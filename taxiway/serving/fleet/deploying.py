"""The gateway as the deployer of a model: what waits in its queue is loaded, tested, and served.

An entry is held under a lease for as long as loading takes. A version that does not become ready is
refused, with why, and the one before goes on; a gateway that ends gives its entry back.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from taxiway.errors import TaxiwayError
from taxiway.registry.database.session import Change
from taxiway.registry.deploy.deployer import Deployer, Outcome
from taxiway.registry.deploy.queue import QueueEntry
from taxiway.registry.routes.placed import number_of
from taxiway.serving.fleet.model_fleet import ModelFleet
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.push import Push
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database
    from taxiway.registry.versions.records import ModelVersion

_LOG = logging.getLogger(__name__)


class GatewayCloses(Exception):  # noqa: N818  # so that its entry is given back, not refused
    """The gateway ends while an entry is at hand."""


class HandOver(Protocol):
    """Takes over what is to get its traffic by and by."""

    def __call__(
        self, change: Change, entry: QueueEntry, version: ModelVersion, place: str
    ) -> bool:
        """See `deployer.HandOver`."""

    def waits_for(self, connection: Connection, model: str, environment: str) -> str:
        """Why what waits in the queue cannot be taken over now; empty where it can."""


class Deploying:
    """Works through the deploy queue of one model. For one event loop.

    Args:
      fleet: of the model.
      database: the registry.
      push: where servers take the model from.
      actor: who deploys.
      poll_seconds: between two looks at the queue.
      on_deployed: called when the registry's route has moved; on the event loop.
      hand_over: takes over what is not to get all traffic at once; None for nothing.
    """

    def __init__(
        self,
        fleet: ModelFleet,
        database: Database,
        push: Push,
        actor: Actor,
        *,
        poll_seconds: float,
        on_deployed: Callable[[], None],
        hand_over: HandOver | None = None,
    ) -> None:
        self.trouble = ""
        """Why the queue cannot be worked through; empty where it can."""
        self._fleet = fleet
        self._poll_seconds = poll_seconds
        self._on_deployed = on_deployed
        self._database = database
        self._hand_over = hand_over
        self._deployer = Deployer(database, push, actor, admit=self._admit, hand_over=hand_over)
        self._loop = asyncio.get_running_loop()
        self._ended = False
        self._admission: concurrent.futures.Future[None] | None = None
        # a thread of its own, for an admission takes as long as a model takes to load
        name = f"deploys-{fleet.model}"
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self) -> None:
        """Works for as long as it is not cancelled."""
        try:
            while True:
                await self._loop.run_in_executor(self._thread, self._work)
                await asyncio.sleep(self._poll_seconds)
        finally:
            self._ended = True
            if self._admission is not None:
                self._admission.cancel()
            await asyncio.shield(asyncio.to_thread(self._thread.shutdown))

    def _work(self) -> None:
        """What can be taken now; in the thread."""
        try:
            if not self._deployer.queue.waiting(self._fleet.model):
                self._note("")
                return
            if why := self._waits_for():
                self._note(why)
                return
            for outcome in self._deployer.deploy(self._fleet.model):
                self._loop.call_soon_threadsafe(self._told, outcome)
                if self._ended:
                    return
            self._note("")
        except GatewayCloses:
            return
        except TaxiwayError as error:
            self._note(str(error))
        except Exception as error:
            _LOG.exception("the queue of %s", self._fleet.model)
            self._note(f"{type(error).__name__}: {error}")

    def _waits_for(self) -> str:
        if self._hand_over is None:
            return ""
        environment = self._database.settings.environment
        with self._database.reading() as connection:
            return self._hand_over.waits_for(connection, self._fleet.model, environment)

    def _note(self, trouble: str) -> None:
        """Says what is wrong once, not at each look."""
        if trouble and trouble != self.trouble:
            _LOG.error("the queue of %s waits: %s", self._fleet.model, one_line(trouble))
        self.trouble = trouble

    def _admit(self, version: ModelVersion, place: str) -> None:
        """Has the fleet bring a version up; in the thread, which waits for it."""
        admission = self._fleet.admit(version.name, number_of(place), place)
        self._admission = asyncio.run_coroutine_threadsafe(admission, self._loop)
        if self._ended:
            self._admission.cancel()
        try:
            self._admission.result()
        except concurrent.futures.CancelledError:
            raise GatewayCloses from None
        finally:
            self._admission = None

    def _told(self, outcome: Outcome) -> None:
        entry = outcome.entry
        if outcome.state == "done":
            how = "is ready at" if outcome.staged else "serves from"
            _LOG.info("%s %s %s", entry.subject, how, one_line(outcome.place))
            self._on_deployed()
            return
        _LOG.error("%s is %s: %s", entry.subject, outcome.state, one_line(outcome.reason))
        if outcome.state == "refused":
            place = entry.pushed_to
            self._fleet.refused(entry.version, number_of(place), place, outcome.reason)
