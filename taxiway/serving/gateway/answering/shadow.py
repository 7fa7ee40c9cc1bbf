"""Copies of requests to a version whose answers nobody gets: compared, and thrown away.

A copy is made when the answer is on its way, waits in a line of its own, and takes part in batches
of its own. There is room for so many and no more: what has none is not copied but counted, so that
a shadow that is slow, hangs, dies or answers NaN costs the version that serves nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Final

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Serving
from taxiway.delivery.evidence.measured import Measured, Pairs, latency_bucket
from taxiway.registry.routes.route import Mirror, Route
from taxiway.serving.backend.batching import Batcher
from taxiway.serving.backend.fault import ModelFault
from taxiway.serving.delivering.measuring.scores import add_scores, scores_of
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.gateway.answering.batchers import Batchers
from taxiway.serving.gateway.answering.compare import compared
from taxiway.serving.requests.ask import Answer, Ask
from taxiway.serving.routing.evidence import Evidence
from taxiway.terminal import one_line

MOST_COPIES: Final = 256
"""Of all models, that are not answered yet."""
MOST_ROWS: Final = 4_096
"""Of these together; a request that has more by itself is never copied."""
_DROPPED: Final = Measured(pairs=Pairs(dropped=1))
_LOG = logging.getLogger(__name__)


class Shadow:
    """Asks mirrored versions. For one event loop; `close` it before the fleet.

    Args:
      fleet: has them loaded.
      section: batching, and how long a copy may take.
      evidence: hears what each copy has shown.
    """

    def __init__(self, fleet: Fleet, section: Serving, evidence: Evidence) -> None:
        limits = section.limits
        self._batchers = Batchers(
            section.batching, limits.model_copy(update={"queued_rows": MOST_ROWS})
        )
        self._seconds = limits.seconds
        self._fleet = fleet
        self._evidence = evidence
        self._rows = 0
        self._copies: set[asyncio.Task[None]] = set()

    def copy(self, route: Route, ask: Ask, answer: Answer) -> None:
        """Has the mirrored version asked in the background, or counts that there is no room.

        Args:
          route: that it was answered by; with a mirror.
          ask: the request.
          answer: that was sent.
        """
        mirror = route.mirror
        if mirror is None or mirror.version == answer.version:
            return
        has_room = len(self._copies) < MOST_COPIES and self._rows + ask.rows <= MOST_ROWS
        served = self._fleet.version(ask.model, mirror.version)
        loaded = None if served is None else served.loaded
        if not has_room or served is None or loaded is None:
            self._tell(route, mirror, _DROPPED)
            return
        copying = self._copied(self._batchers.of(served, loaded), ask, answer)
        task = asyncio.get_running_loop().create_task(self._told(route, mirror, copying))
        self._rows += ask.rows
        self._copies.add(task)
        task.add_done_callback(partial(self._done, ask.rows))

    async def close(self) -> None:
        """Ends all copies."""
        await self._batchers.close()
        for task in self._copies:
            task.cancel()
        if self._copies:
            await asyncio.wait(self._copies)

    async def _told(
        self, route: Route, mirror: Mirror, copying: Coroutine[Any, Any, Measured]
    ) -> None:
        try:
            self._tell(route, mirror, await copying)
        except Exception:  # of ours: nobody else would hear of it
            _LOG.exception("a copy for %s/%s", route.model, one_line(mirror.version))

    async def _copied(self, batcher: Batcher, ask: Ask, answer: Answer) -> Measured:
        """Asks, and compares with the answer that was sent."""
        began = time.monotonic()
        try:
            outputs = await batcher.ask(
                replace(ask, deadline=began + self._seconds, traceparent="")
            )
        except Refusal as refusal:
            if refusal.code is Code.BUSY:
                return _DROPPED
            nan_rows = refusal.nan_rows if isinstance(refusal, ModelFault) else 0
            return Measured(requests=1, errors=1, rows=nan_rows and ask.rows, nan_rows=nan_rows)
        seconds = time.monotonic() - began
        measured = Measured(requests=1, rows=ask.rows, latency={latency_bucket(seconds): 1})
        scores = scores_of(outputs)
        if scores is not None:
            measured.nan_rows = add_scores(scores, measured.scores)
        if not answer.fallback:  # of the version that the copy is compared with
            measured.pairs = compared(answer.outputs, outputs, ask.rows)
        return measured

    def _tell(self, route: Route, mirror: Mirror, measured: Measured) -> None:
        self._evidence.mirrored(route.model, route.revision, mirror.version, measured)

    def _done(self, rows: int, task: asyncio.Task[None]) -> None:
        self._rows -= rows
        self._copies.discard(task)
