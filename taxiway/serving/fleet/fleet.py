"""Every version that this gateway has loaded, and how traffic is split between them.

`Fleet` is all that the rest of the gateway sees of a version's life: verified, loaded, warmed up
and tested before it has traffic, replaced when it fails, kept warm for a while, ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from taxiway.errors import TaxiwayError
from taxiway.push import push_to
from taxiway.registry.auth.actor import Permission
from taxiway.registry.routes.gateways import BEAT_SECONDS, Gateway, beat, leave
from taxiway.serving.fleet.backends import Load, goes_by_number, load
from taxiway.serving.fleet.deploying import Deploying, HandOver
from taxiway.serving.fleet.events import happens
from taxiway.serving.fleet.model_fleet import ModelFleet
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.fleet.trial.bring_up import Trial
from taxiway.serving.routing.table import RoutingTable
from taxiway.serving.routing.watcher import RouteWatcher, read_table
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.config.schema import Config
    from taxiway.push import Push
    from taxiway.registry.auth.actor import Actor
    from taxiway.registry.database.session import Database
    from taxiway.registry.routes.route import Route

_TIDY_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 5.0
"""For which the registry is waited for when the gateway ends."""
_LONGEST_ERROR: Final = 500
"""Characters of it that other gateways are told."""
_LOG = logging.getLogger(__name__)


class Fleet:
    """Versions of all models that a gateway serves. For one event loop.

    Args:
      config: of the gateway.
      database: the registry.
      actor: who deploys what waits in the queues.
      load: by which a version is loaded; tests bring their own.
      hand_over: takes over what the queues bring; None where that gets all traffic at once.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        actor: Actor,
        load: Load = load,
        hand_over: HandOver | None = None,
    ) -> None:
        self._config = config
        self._database = database
        self._actor = actor
        self._hand_over = hand_over
        self._environment = database.settings.environment
        names = config.serving.models or (config.model.name,)
        bring_up = Trial(config, database, load).bring_up
        self._fleets = {
            name: ModelFleet(
                name,
                bring_up,
                config.serving,
                by_number=goes_by_number(config),
                on_change=self._changed,
                on_fallback=self._fell,
            )
            for name in dict.fromkeys(names)
        }
        self._registered = RoutingTable({})
        self._table = RoutingTable({})
        self._gateway = Gateway.here(self._environment)
        self._news = asyncio.Event()
        self._watcher: RouteWatcher | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._deploying: dict[str, Deploying] = {}
        self._background: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begins to load what the registry says, and to work through the deploy queues.

        Returns at once; `ready` says when every model answers.
        """
        work = (self._follow(), self._tidy(), self._beat())
        self._tasks += [asyncio.create_task(self._forever(one)) for one in work]

    async def close(self) -> None:
        """Ends every worker; requests that are being answered finish first."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*(one.close() for one in self._fleets.values()))
        if self._background:
            await asyncio.wait(self._background, timeout=_CLOSE_SECONDS)
        with contextlib.suppress(TaxiwayError, asyncio.TimeoutError):
            leaving = asyncio.to_thread(leave, self._database, self._gateway)
            await asyncio.wait_for(leaving, _CLOSE_SECONDS)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that this gateway serves."""
        return tuple(self._fleets)

    @property
    def gateway(self) -> Gateway:
        """This gateway, as it says of itself in the registry."""
        return self._gateway

    @property
    def table(self) -> RoutingTable:
        """Routes as this gateway follows them: of a move, once all its versions are loaded."""
        return self._table

    def route(self, model: str) -> Route | None:
        """How a model's traffic is split here now; None where none of its versions answers yet."""
        return self._table.routes.get(model)

    def version(self, model: str, name: str) -> ServedVersion | None:
        """A version by its name in the registry; None where this gateway has never had it."""
        fleet = self._fleets.get(model)
        return None if fleet is None else fleet.version(name)

    def versions(self, model: str) -> list[ServedVersion]:
        """Every version of a model that is or was loaded here, newest first."""
        return self._fleets[model].versions if model in self._fleets else []

    def ready(self) -> bool:
        """Whether every model has a stable version that answers."""
        return all(self._answers(name) for name in self._fleets)

    def trouble(self, model: str) -> str:
        """Why the registry's newest route, or the deploy queue, is not followed; empty if it is."""
        deploying = self._deploying.get(model)
        return self._fleets[model].trouble or (deploying.trouble if deploying else "")

    @property
    def routing_age_seconds(self) -> float:
        """Since the routes were last known to be those of the registry; 0 before the first look."""
        return 0.0 if self._watcher is None else self._watcher.stale_seconds()

    def report_failing(self, model: str, version: str, why: str) -> None:
        """Has a version's worker replaced, in the background.

        A worker that is lost, or whose answers are mostly NaN, is noticed without.
        """
        if model in self._fleets:
            self._fleets[model].report_failing(version, why)

    async def changed(self) -> None:
        """Waits for the next change of a route or a state."""
        news = self._news
        await news.wait()

    async def changed_within(self, seconds: float) -> bool:
        """Waits for that so long at most; whether it came."""
        return await happens(self._news, seconds)

    def _answers(self, model: str) -> bool:
        route = self.route(model)
        stable = self.version(model, route.stable.version) if route else None
        return stable is not None and stable.loaded is not None

    def _changed(self) -> None:
        routes = {name: one.route for name, one in self._fleets.items() if one.route is not None}
        self._table = replace(self._registered, routes=routes)
        self._news.set()
        self._news = asyncio.Event()

    def _take(self, table: RoutingTable) -> None:
        """Has each model follow the registry's routes."""
        self._registered = table
        for name, route in table.routes.items():
            self._fleets[name].follow(route, table.placed.get(name, ()))
        self._changed()

    async def _follow(self) -> None:
        """What the registry says first, the stable versions before all; then the queues."""
        names = tuple(self._fleets)
        seconds = self._config.serving.poll_seconds
        while True:
            try:
                look = asyncio.to_thread(self._look)
                self._take(await look)
                break
            except TaxiwayError as error:
                _LOG.error("the registry cannot be read: %s", one_line(str(error)))
                await asyncio.sleep(seconds)
        watcher = RouteWatcher(self._database, names, self._environment, seconds)
        async with watcher:
            self._watcher = watcher
            self._tasks += [
                asyncio.create_task(self._forever(self._deploy(name))) for name in names
            ]
            while True:
                self._take(await watcher.next())

    def _look(self) -> RoutingTable:
        with self._database.reading() as connection:
            return read_table(connection, tuple(self._fleets), self._environment)

    async def _deploy(self, model: str) -> None:
        fleet = self._fleets[model]
        await fleet.followed()
        deploying = self._deploying[model] = Deploying(
            fleet,
            self._database,
            self._push(model),
            self._actor,
            poll_seconds=self._config.serving.poll_seconds,
            on_deployed=self.hurry,
            hand_over=self._hand_over,
        )
        await deploying.run()

    def _push(self, model: str) -> Push:
        """Where servers take a model from."""
        if model == self._config.model.name:
            return self._config.push
        return push_to(f"{self._config.output.root}/serving/{model}")

    def hurry(self) -> None:
        """Looks for a newer route at once, as after a move of this gateway's own."""
        if self._watcher is not None:
            self._watcher.hurry()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_SECONDS)
            for fleet in self._fleets.values():
                await fleet.tidy()

    async def _beat(self) -> None:
        """Says in the registry which routes are taken up, at once when that changes."""
        said: Gateway | None = None
        while True:
            news = self._news
            gateway = self._said()
            try:
                await asyncio.to_thread(beat, self._database, gateway)
                said = gateway
            except TaxiwayError as error:
                _LOG.warning("the registry cannot be written: %s", one_line(str(error)))
            if said == self._said():
                await happens(news, BEAT_SECONDS)

    def _said(self) -> Gateway:
        revisions = {name: fleet.revision for name, fleet in self._fleets.items()}
        states = {
            name: {
                one.version: {"state": one.state, "error": one.error[:_LONGEST_ERROR]}
                for one in fleet.versions
            }
            for name, fleet in self._fleets.items()
        }
        return replace(self._gateway, revisions=revisions, states=states)

    def _fell(self, failed: ServedVersion, instead: ServedVersion) -> None:
        """Tells, loudly, that another version has taken the stable one's traffic here."""
        _LOG.critical(
            "%s does not answer here (%s): its traffic goes to %s until it does",
            failed.subject, one_line(failed.error), instead.version,
        )  # fmt: skip
        told = asyncio.create_task(asyncio.to_thread(self._audit_fall, failed, instead))
        self._background.add(told)
        told.add_done_callback(self._background.discard)

    def _audit_fall(self, failed: ServedVersion, instead: ServedVersion) -> None:
        after = {"gateway": self._gateway.id, "version": instead.version}
        try:
            with self._database.changing(self._actor, Permission.DEPLOY) as change:
                change.record("serving.failed", failed.subject, None, after, failed.error)
        except TaxiwayError:
            _LOG.exception("that %s failed is not in the audit", failed.subject)

    async def _forever(self, work: Coroutine[Any, Any, None]) -> None:
        """An error that nobody has thought of ends this gateway's care, and is told."""
        try:
            await work
        except Exception:
            _LOG.exception("the fleet has an error of its own; restart the gateway")
            raise
