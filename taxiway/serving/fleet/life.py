"""The life of one version in this gateway: loaded, replaced when it fails, unloaded.

Whoever wants it calls `ready`; whoever has no traffic for it any more lets `unload` end it. Between
the two it keeps itself alive: a worker that fails is replaced after a pause that grows, and one
that fails too often in a minute has FAILED and is tried again a minute later.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from taxiway.errors import TaxiwayError
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.served_version import NotReady, ServedVersion
from taxiway.serving.fleet.watched import Watched
from taxiway.terminal import one_line

LOOK_SECONDS: Final = 0.1
"""Between two looks at whether a worker still runs that nobody asks."""
_WINDOW_SECONDS: Final = 60.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 15.0
_LOG = logging.getLogger(__name__)

BringUp = Callable[[ServedVersion], Awaitable[LoadedVersion]]
"""Verifies, loads, warms up and tests a version; raises TaxiwayError with why it is not ready."""


class Life:
    """Takes one version through its states. For one event loop.

    Args:
      served: the version.
      bring_up: see `BringUp`.
      restarts_per_minute: with more the version has failed.
      in_flight_seconds: how long requests may take to finish before it is ended.
      on_change: called after it has failed, or has come back; on the event loop.
    """

    def __init__(
        self,
        served: ServedVersion,
        bring_up: BringUp,
        *,
        restarts_per_minute: int,
        in_flight_seconds: float,
        on_change: Callable[[ServedVersion], None],
    ) -> None:
        self.served = served
        self.unused_since: float | None = None
        """`time.monotonic()` since which no route names it; None while one does."""
        self.expected_until = 0.0
        """`time.monotonic()` until which a route is about to name it."""
        self.failed = False
        """Whether it fails too often to have traffic."""
        self._bring_up = bring_up
        self._restarts_per_minute = restarts_per_minute
        self._in_flight_seconds = in_flight_seconds
        self._on_change = on_change
        self._restarts: deque[float] = deque()
        self._task: asyncio.Task[None] | None = None
        self._failure: asyncio.Future[str] | None = None
        self._first: asyncio.Future[None] | None = None
        self._ending = False

    @property
    def runs(self) -> bool:
        """Whether it is loaded, or about to be."""
        return self._task is not None and not self._task.done()

    async def ready(self) -> None:
        """Has it loaded, if it is not, and waits until it may have traffic.

        Raises:
          NotReady: it does not become ready, and why.
        """
        if self._ending and self._task is not None:
            await asyncio.wait([self._task])
        if not self.runs:
            self._ending = self.failed = False
            self._first = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._live(self._first))
        if self.failed:
            raise NotReady(self.served.error)
        assert self._first is not None
        await asyncio.shield(self._first)

    def fail(self, why: str) -> None:
        """Has the worker replaced."""
        if self._failure is not None and not self._failure.done():
            self.served.move("LOADING", why)  # at once, so that nobody asks it any more
            self._failure.set_result(why)

    async def unload(self) -> None:
        """Ends it once requests that are being answered are; may be called more than once."""
        if self._task is None:
            return
        if not self._ending:
            self._ending = True
            self._task.cancel()
        await asyncio.wait([self._task])

    async def _live(self, first: asyncio.Future[None]) -> None:
        """From START to END: comes up, is replaced for as long as it fails, goes down."""
        served = self.served
        try:
            await self._come_up()
            first.set_result(None)
            while True:
                why = await self._until_it_fails()
                await self._replace(why)
        except TaxiwayError as error:  # the first time only: later ones are tried again
            _LOG.error("%s is not ready: %s", served.subject, one_line(error.message))
            served.move("END", error.message)
            first.set_exception(NotReady(error.message, edit=error.edit))
            first.exception()  # whoever asked for it may have gone
        except asyncio.CancelledError:
            if not first.done():
                first.set_exception(NotReady(f"{served.subject} is no longer wanted"))
                first.exception()
            await self._go_down()
        except Exception as error:
            _LOG.exception("%s is not ready", served.subject)
            served.move("END", f"{type(error).__name__}: {error}")
            if not first.done():
                first.set_exception(NotReady(served.error))
                first.exception()

    async def _come_up(self, why: str = "") -> None:
        served = self.served
        served.move("LOADING", why)
        began = time.monotonic()
        loaded = await self._bring_up(served)
        self._failure = asyncio.get_running_loop().create_future()
        served.watched = Watched(loaded, self.fail)
        served.signatures = loaded.signatures
        self.failed = False
        served.move("AVAILABLE")
        _LOG.info(
            "%s is available after %.1f s, warmed up with %s (process %s, %s)",
            served.subject,
            time.monotonic() - began,
            one_line(served.rows_of),
            loaded.pid,
            _megabytes(loaded.memory_bytes),
        )

    async def _until_it_fails(self) -> str:
        """Why it has failed."""
        watched, failure = self.served.watched, self._failure
        assert watched is not None
        assert failure is not None
        while not failure.done():
            await asyncio.wait([failure], timeout=LOOK_SECONDS)
            watched.look()
        return failure.result()

    async def _replace(self, why: str) -> None:
        """Ends what fails and loads it again, until it is loaded."""
        served, attempt = self.served, 0
        while True:
            _LOG.error("%s is replaced: %s", served.subject, one_line(why))
            served.move("LOADING", why)
            await self._end_worker()
            await self._pause(attempt, why)
            try:
                await self._come_up(why)
            except TaxiwayError as error:
                why, attempt = error.message, attempt + 1
                continue
            served.restarts += 1
            self._on_change(served)
            return

    async def _pause(self, attempt: int, why: str) -> None:
        """Waits before another try: a little longer each time, a minute after too many."""
        now = time.monotonic()
        while self._restarts and self._restarts[0] <= now - _WINDOW_SECONDS:
            self._restarts.popleft()
        seconds = min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
        if len(self._restarts) >= self._restarts_per_minute:
            seconds = max(seconds, self._restarts[0] + _WINDOW_SECONDS - now)
            self.failed = True
            told = f"it failed {len(self._restarts) + 1} times within a minute, at last: {why}"
            self.served.move("END", told)
            _LOG.critical("%s has FAILED: %s", self.served.subject, one_line(told))
            self._on_change(self.served)
        self._restarts.append(now)
        # what many gateways share, such as a database, must not be asked by all at once
        await asyncio.sleep(seconds * random.uniform(0.5, 1.0))  # noqa: S311  # no secret

    async def _go_down(self) -> None:
        served = self.served
        served.move("UNLOADING", served.error)
        if served.watched is not None:
            await served.watched.idle(self._in_flight_seconds)
        await self._end_worker()
        served.move("END", served.error)
        _LOG.info("%s is unloaded", served.subject)

    async def _end_worker(self) -> None:
        watched, self.served.watched = self.served.watched, None
        if watched is not None:
            await watched.close()


def _megabytes(size: int | None) -> str:
    return "memory unknown" if size is None else f"{size / 2**20:.0f} MB"
