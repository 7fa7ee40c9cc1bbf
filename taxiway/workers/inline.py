"""Works in the calling process, shard after shard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from taxiway.errors import TaxiwayError
from taxiway.workers.job import Deadline, MapFn, Options, ReduceFn, Shard, describe, failed

_log = logging.getLogger(__name__)


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
            parts.append(_tried(partial(map_fn, shard), str(shard), options))
        deadline.left("the merge")
        return _tried(partial(reduce_fn, parts), "the merge", options)

    def close(self) -> None:
        """Nothing to do."""


def _tried(act: Callable[[], bytes], what: str, options: Options) -> bytes:
    for attempt in range(1, options.tries + 1):
        try:
            return act()
        except TaxiwayError:
            raise
        except Exception as error:
            _log.warning("%s: %s, try %d: %s", options.name, what, attempt, describe(error))
            last = error
    raise failed(options, what, describe(last)) from last
