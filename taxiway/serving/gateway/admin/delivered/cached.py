"""Documents that are read from the registry in a thread, at most once a second each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

KEPT_SECONDS: Final = 1.0
"""For which a document is told again as it is: pages and scripts ask all the time."""


class _Read(NamedTuple):
    at: float
    value: Any


class Cached:
    """Reads by key. For one event loop.

    However many ask for the same, it is read once, and never on the loop.

    Args:
      seconds: for which what was read is kept.
    """

    def __init__(self, seconds: float = KEPT_SECONDS) -> None:
        self._seconds = seconds
        self._known: dict[str, _Read] = {}
        self._reading: dict[str, asyncio.Task[Any]] = {}

    async def get(self, key: str, read: Callable[[], Any]) -> Any:
        """What is known under a key, or else is read now.

        Args:
          key: one of a few: it is remembered.
          read: called in a thread; what it raises whoever waits is told, and is not kept.
        """
        known = self._known.get(key)
        if known is not None and time.monotonic() - known.at < self._seconds:
            return known.value
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._read(key, read))
        return await asyncio.shield(task)  # others wait for it too

    async def _read(self, key: str, read: Callable[[], Any]) -> Any:
        try:
            value = await asyncio.to_thread(read)
            self._known[key] = _Read(time.monotonic(), value)
            return value
        finally:
            del self._reading[key]
