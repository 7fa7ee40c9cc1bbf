"""Works in the calling process, shard after shard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from taxiway.errors import TaxiwayError
from taxiway.workers.job import (
    Deadline,
    MapFn,
    Options,
    ReduceFn,
    Shard,
    Workers,
    WorkersSection,
    describe,
    failed,
)

_log = logging.getLogger(__name__)


class InlineWorkers(WorkersSection):
    """In the step's own process, shard after shard."""

    kind: Literal["inline"]

    def start(self) -> Workers:
        """Nothing to start."""
        return Inline()


class Inline:
    """Nothing to start and nothing to lose; deadlines are looked at between two shards."""

    def run(
        self, map_fn: MapFn, shards: Sequence[Shard], reduce_fn: ReduceFn, options: Options
    ) -> bytes:
        """See `taxiway.workers.job.Workers`."""
        deadline = Deadline.of(options)
        parts = []
        for shard in shards:
            deadline.left(str(shard))
            parts.append(_retried(partial(map_fn, shard), str(shard), options))
        deadline.left("the merge")
        return _retried(partial(reduce_fn, parts), "the merge", options)

    def close(self) -> None:
        """Nothing to do."""


def _retried(act: Callable[[], bytes], what: str, options: Options) -> bytes:
    for attempt in range(1, options.retries + 2):
        try:
            return act()
        except TaxiwayError:
            raise
        except Exception as error:
            _log.warning("%s: %s, try %d: %s", options.name, what, attempt, describe(error))
            last = error
    raise failed(options, what, describe(last)) from last
