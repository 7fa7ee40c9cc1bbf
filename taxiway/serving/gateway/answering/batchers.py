"""A batcher for each version that is asked; a new one where its worker was replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from taxiway.config.serving import Batching, Limits
from taxiway.serving.backend.batching import Batcher
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.served_version import ServedVersion


class Batchers:
    """Made when a version is first asked. For one event loop.

    Args:
      batching: of each.
      limits: of each.
      on_batch: hears of the rows of each call: model, version, rows.
    """

    def __init__(
        self,
        batching: Batching,
        limits: Limits,
        on_batch: Callable[[str, str, int], None] | None = None,
    ) -> None:
        self._batching = batching
        self._limits = limits
        self._on_batch = on_batch
        self._of: dict[ServedVersion, Batcher] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, served: ServedVersion, loaded: LoadedVersion) -> Batcher:
        """The batcher of what answers for a version now."""
        batcher = self._of.get(served)
        if batcher is None or batcher.version is not loaded:
            self._forget_ended()
            on_call = self._on_batch and partial(self._on_batch, served.model, served.version)
            batcher = self._of[served] = Batcher(loaded, self._batching, self._limits, on_call)
        return batcher

    def queued_rows(self, served: ServedVersion) -> int:
        """Rows that wait for a version."""
        batcher = self._of.get(served)
        return 0 if batcher is None else batcher.queued_rows

    async def close(self) -> None:
        """Closes all."""
        for served in list(self._of):
            self._close(served)
        if self._closing:
            await asyncio.wait(self._closing)

    def _forget_ended(self) -> None:
        for served, batcher in list(self._of.items()):
            if served.loaded is not batcher.version:
                self._close(served)

    def _close(self, served: ServedVersion) -> None:
        task = asyncio.get_running_loop().create_task(self._of.pop(served).close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
