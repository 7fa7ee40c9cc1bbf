"""The versions of one model in this gateway, and the route by which its requests go.

A route of the registry is taken up once its arms answer here; until then the one before goes on.
The version that gets copies is loaded after that, and holds up nothing. Where the stable version
fails for good, the one that served before takes its place in this gateway, until it is back: what
is wrong may be this machine.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from taxiway.config.serving import Serving
from taxiway.registry.routes.placed import Placed
from taxiway.registry.routes.route import STABLE, Arm, Mirror, Route
from taxiway.serving.fleet.life import BringUp, Life
from taxiway.serving.fleet.served_version import NotReady, ServedVersion
from taxiway.terminal import one_line

_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_FALLBACKS: Final = 3
"""Versions that served before, of which one is loaded where the stable one does not answer."""
_EXPECTED_SECONDS: Final = 60.0
"""Between the admission of a version and the route that names it, at most."""
_ENDED_KEPT: Final = 20
"""Versions that are no longer loaded, whose state is still told."""
_LOG = logging.getLogger(__name__)


class ModelFleet:
    """For one event loop.

    Args:
      model: name.
      bring_up: see `life.BringUp`.
      serving: the config's section.
      by_number: see `backends.goes_by_number`.
      on_change: called when the route that requests go by, or a state, has changed.
      on_fallback: called with the stable version, the one in its place, and why.
    """

    def __init__(
        self,
        model: str,
        bring_up: BringUp,
        serving: Serving,
        *,
        by_number: bool,
        on_change: Callable[[], None],
        on_fallback: Callable[[ServedVersion, ServedVersion], None],
    ) -> None:
        self.model = model
        self.route: Route | None = None
        """By which requests go; None before the first version answers."""
        self.trouble = ""
        """Why the registry's newest route is not taken up, or not wholly; empty where it is."""
        self._bring_up = bring_up
        self._serving = serving
        self._by_number = by_number
        self._on_change = on_change
        self._on_fallback = on_fallback
        self._lives: dict[str, Life] = {}
        self._placed: Sequence[Placed] = ()
        self._wanted: Route | None = None
        self._taken_up: Route | None = None
        self._admitting: list[str] = []
        self._task: asyncio.Task[None] | None = None
        self._falling: asyncio.Task[None] | None = None
        self._mirroring: asyncio.Task[None] | None = None

    @property
    def versions(self) -> list[ServedVersion]:
        """Every one that is or was loaded here, newest first."""
        return sorted(
            (life.served for life in self._lives.values()),
            key=lambda one: (one.number, one.version),
            reverse=True,
        )

    @property
    def revision(self) -> int:
        """Of the route that requests go by; 0 before the first."""
        return self._taken_up.revision if self._taken_up else 0

    def version(self, name: str) -> ServedVersion | None:
        """One by its name in the registry; None where it was never here."""
        life = self._lives.get(name)
        return None if life is None else life.served

    def report_failing(self, name: str, why: str) -> None:
        """Has a version's worker replaced."""
        if name in self._lives:
            self._lives[name].fail(why)

    def follow(self, route: Route, placed: Sequence[Placed]) -> None:
        """Begins to take up a route of the registry, instead of any that it was at."""
        self._placed = placed
        if route == self._wanted:
            return
        self._wanted = route
        for task in (self._task, self._mirroring):
            if task is not None:
                task.cancel()
        self._task = asyncio.create_task(self._take_up(route))

    async def followed(self) -> None:
        """Waits until the first try to take up the registry's route is over."""
        while self._task is not None and not self._task.done() and not self.trouble:
            await asyncio.wait([self._task], timeout=0.05)

    async def admit(self, version: str, number: int, place: str) -> None:
        """Brings a version up that is to have traffic next.

        Raises:
          NotReady: it is not ready, and why.
        """
        self._admitting.append(version)
        try:
            await self._ready(version, number, place)
            self._lives[version].expected_until = time.monotonic() + _EXPECTED_SECONDS
        finally:
            self._admitting.remove(version)
            self._note_use()

    def refused(self, version: str, number: int, place: str, why: str) -> None:
        """Has a version among those whose state is told, although it was never loaded."""
        if version not in self._lives:
            life = self._life(version, number, place)
            life.served.move("END", why)
            self._on_change()

    async def tidy(self) -> None:
        """Unloads what had no traffic for `keep_warm_minutes`."""
        now, seconds = time.monotonic(), self._serving.keep_warm_minutes * 60
        for life in self._unused():
            if now - _used_at(life) >= seconds:
                await self._unload(life)
        ended = [name for name, life in self._lives.items() if not life.runs]
        for name in ended[:-_ENDED_KEPT]:
            del self._lives[name]

    async def close(self) -> None:
        """Ends all of it."""
        for task in (self._task, self._mirroring, self._falling):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await asyncio.gather(*(life.unload() for life in self._lives.values()))

    async def _take_up(self, route: Route) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                for arm in route.arms:
                    await self._ready(arm.version, arm.number, arm.place)
                    if self._taken_up is None and arm.name == STABLE:
                        self._switch(route)
                break
            except NotReady as error:
                self.trouble = f"revision {route.revision} is not taken up: {error.message}"
                _LOG.error("%s: %s", self.model, one_line(self.trouble))
                self._on_change()
            if self._taken_up is None:
                await self._fall(route)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self.trouble = ""
        self._switch(route)
        if route.mirror is not None:
            self._mirroring = asyncio.create_task(self._mirror(route, route.mirror))

    async def _mirror(self, route: Route, mirror: Mirror) -> None:
        """Loads the version that gets copies, however often that takes."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._ready(mirror.version, mirror.number, mirror.place)
                break
            except NotReady as error:
                self.trouble = (
                    f"revision {route.revision} copies nothing to {mirror.version}: {error.message}"
                )
                _LOG.error("%s: %s", self.model, one_line(self.trouble))
                self._on_change()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self.trouble = ""
        self._on_change()

    def _switch(self, route: Route) -> None:
        self._taken_up = route
        self._note_use()
        self._settle()

    async def _ready(self, version: str, number: int, place: str) -> None:
        life = self._life(version, number, place)
        life.unused_since = None
        if not life.runs:
            await self._make_room()
        self._on_change()
        try:
            await life.ready()
        finally:
            self._on_change()

    def _life(self, version: str, number: int, place: str) -> Life:
        """Its life here. Published again under another number it is the same version."""
        life = self._lives.get(version)
        if life is None:
            life = self._lives[version] = Life(
                ServedVersion(self.model, version, number, place),
                self._bring_up,
                restarts_per_minute=self._serving.limits.restarts_per_minute,
                in_flight_seconds=self._serving.limits.seconds,
                on_change=lambda _: self._settle(),
            )
        served = life.served
        if number != served.number and self._by_number:
            life.fail(f"it was published again, as number {number}")
        served.number, served.place = number, place
        return life

    async def _make_room(self) -> None:
        """Unloads what has no traffic where there is no room for another version."""
        most = self._serving.limits.loaded_versions
        while sum(life.runs for life in self._lives.values()) >= most:
            unused = sorted(self._unused(), key=_used_at)
            if not unused:
                raise NotReady(
                    f"at most {most} of {self.model}'s versions may be loaded here, and all that "
                    "are have traffic",
                    edit="serving.limits.loaded_versions",
                )
            await self._unload(unused[0])

    async def _unload(self, life: Life) -> None:
        self._on_change()
        await life.unload()
        self._on_change()

    def _unused(self) -> list[Life]:
        now = time.monotonic()
        return [
            one
            for one in self._lives.values()
            if one.runs and one.unused_since is not None and one.expected_until <= now
        ]

    def _note_use(self) -> None:
        """Says of each version since when no route names it."""
        used = set(self._admitting)
        for route in (self._wanted, self._taken_up, self.route):
            used |= _versions(route) if route else set()
        for name, life in self._lives.items():
            if name in used:
                life.unused_since = None
                if self._taken_up is not None and name in _versions(self._taken_up):
                    life.expected_until = 0.0
            elif life.unused_since is None:
                life.unused_since = time.monotonic()

    def _settle(self) -> None:
        """Gives the stable arm to a version that answers, where its own does not."""
        route = self._taken_up
        if route is None:
            return
        life = self._lives.get(route.stable.version)
        if life is not None and life.runs and not life.failed:
            self.route = route
        else:
            self._put_in_place_of_stable(route)
        self._note_use()
        self._on_change()

    def _put_in_place_of_stable(self, route: Route) -> None:
        stable = self._lives.get(route.stable.version)
        for name in self._before(route):
            life = self._lives.get(name)
            if life is not None and life.served.loaded is not None:
                before, self.route = self.route, _with_stable(route, life.served)
                if stable is not None and self.route != before:
                    self._on_fallback(stable.served, life.served)
                return
        self.route = route
        if self._falling is None or self._falling.done():
            self._falling = asyncio.create_task(self._fall(route))

    async def _fall(self, route: Route) -> None:
        """Loads what served before, for want of a stable version that answers."""
        placed = {one.version: one for one in reversed(self._placed)}
        for name in self._before(route)[:_FALLBACKS]:
            one = placed.get(name)
            if one is None:
                continue
            try:
                await self._ready(one.version, one.number, one.place)
            except NotReady as error:
                _LOG.error("%s/%s: %s", self.model, name, one_line(error.message))
                continue
            self._taken_up = self._taken_up or route
            self._settle()
            return

    def _before(self, route: Route) -> list[str]:
        """Versions that served, the last of them first, without the stable one and a shadow."""
        names = dict.fromkeys(one.version for one in self._placed)
        no_more = (route.stable.version, route.mirror.version if route.mirror else "")
        return [name for name in names if name not in no_more]


def _versions(route: Route) -> set[str]:
    return {one.version for one in route.versions}


def _with_stable(route: Route, served: ServedVersion) -> Route:
    arm = Arm(STABLE, served.version, served.number, served.place, route.stable.ranges)
    return replace(route, arms=(arm, *route.arms[1:]))


def _used_at(life: Life) -> float:
    asked = life.served.watched.asked_at if life.served.watched else 0.0
    return max(asked, life.unused_since or 0.0)
