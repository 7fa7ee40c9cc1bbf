"""Works in the calling process, shard after shard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from taxiway.errors import TaxiwayError
from taxiway.process.progress import JobProgress
from taxiway.workers.job import (
    MERGE,
    Deadline,
    Failure,
    MapFn,
    Options,
    ReduceFn,
    Retries,
    Shard,
    Workers,
    WorkersSection,
)


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
        retries, progress = Retries(options), JobProgress(len(shards))
        parts = []
        for index, shard in enumerate(shards):
            deadline.left(str(shard))
            with progress.shard(index):
                parts.append(_retried(partial(map_fn, shard), index, str(shard), retries, progress))
        deadline.left(MERGE)
        return _retried(partial(reduce_fn, parts), len(parts), MERGE, retries, progress)

    def close(self) -> None:
        """Nothing to do."""


def _retried(
    act: Callable[[], bytes], index: int, what: str, retries: Retries, progress: JobProgress
) -> bytes:
    while True:
        try:
            return act()
        except TaxiwayError:
            raise
        except Exception as error:
            last = error
        try:
            progress.again(index)
            retries.failed(index, what, Failure.of(last))
        except TaxiwayError as final:
            raise final from last
