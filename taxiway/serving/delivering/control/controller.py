"""Looks each second at what there is to do for all gateways, and does it if it is this one's to do.

Which gateway's it is, leases in the database say. All that is known is there too, so that a gateway
that is killed takes nothing with it: when its lease is over, another goes on from where it was.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from taxiway.errors import TaxiwayError
from taxiway.serving.fleet.events import happens
from taxiway.terminal import one_line

CLOSE_SECONDS: Final = 5.0
"""For which the registry is waited for when the gateway ends."""
_LOG = logging.getLogger(__name__)


class Turn(Protocol):
    """One kind of thing that there is to do. Called in one thread, which waits for the database."""

    def look(self) -> Mapping[str, str]:
        """Does what can be done now; by what it is of, why some of it could not be.

        Raises:
          TaxiwayError: nothing could be.
        """

    def give_back(self) -> None:
        """Gives back the leases that it holds, so that another gateway goes on at once.

        Raises:
          TaxiwayError: they lapse.
        """


class Controller:
    """Has turns look. For one event loop; `close` it.

    Args:
      turns: in their order.
      seconds: between two looks.
    """

    def __init__(self, turns: Sequence[Turn], seconds: float) -> None:
        self.trouble: dict[str, str] = {}
        """Why something is not done, by what it is of; empty where all is."""
        self._turns = turns
        self._seconds = seconds
        self._wake = asyncio.Event()
        self._ended = False
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="controller")

    async def run(self) -> None:
        """Looks for as long as it is not cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            await loop.run_in_executor(self._thread, self._look)
            await happens(self._wake, self._seconds)

    def hurry(self) -> None:
        """Looks at once, as where a rollout has begun here."""
        self._wake.set()

    async def close(self) -> None:
        """Gives back what it holds, once a look that is under way is over."""
        self._ended = True
        loop = asyncio.get_running_loop()
        closing = asyncio.ensure_future(loop.run_in_executor(self._thread, self._give_back))
        await asyncio.wait([closing], timeout=CLOSE_SECONDS)
        self._thread.shutdown(wait=False)

    def _look(self) -> None:
        trouble: dict[str, str] = {}
        for turn in self._turns:
            if self._ended:
                return
            try:
                trouble |= turn.look()
            except TaxiwayError as error:
                trouble["the registry"] = error.message
            except Exception as error:
                _LOG.exception("a look at what there is to do")
                trouble["the gateway"] = f"{type(error).__name__}: {error}"
        for subject, why in trouble.items():  # once, not at each look
            if self.trouble.get(subject) != why:
                _LOG.error("%s waits: %s", one_line(subject), one_line(why))
        self.trouble = trouble

    def _give_back(self) -> None:
        for turn in self._turns:
            try:
                turn.give_back()
            except TaxiwayError as error:
                _LOG.warning("a lease is not given back: %s", one_line(error.message))
