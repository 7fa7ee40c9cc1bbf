"""Works in processes of this machine, which stay for the next job with what they imported."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any, Final

from pebble import ProcessExpired, ProcessPool

from configs.errors import TaxiwayError
from workers.job import Deadline, MapFn, Options, ReduceFn, Shard, describe, failed, too_slow

PRELOADED: Final = ("workers.preload",)
"""Imported once, in the process that all others are forked from."""

_log = logging.getLogger(__name__)


class Processes:
    """A pool of forked processes: one a core, or `count`.

    The processes are forked from a server that has imported TensorFlow and nothing else, so each
    starts in milliseconds and they share those pages. A process that dies costs its shard one try.
    """

    def __init__(self, count: int = 0) -> None:
        self._count = count or len(os.sched_getaffinity(0))
        self._pool: Any | None = None

    def run(
        self, map_fn: MapFn, shards: Sequence[Shard], reduce_fn: ReduceFn, options: Options
    ) -> bytes:
        """See `workers.job.Workers`."""
        deadline = Deadline.of(options)
        with self._given_up_on_error() as pool:
            tasks = [(str(shard), map_fn, shard) for shard in shards]
            parts = _all(pool, tasks, options, deadline)
            return _all(pool, [("the merge", reduce_fn, parts)], options, deadline)[0]

    def close(self) -> None:
        """Ends the processes, at once."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    @contextmanager
    def _given_up_on_error(self) -> Iterator[Any]:
        """The pool; after an error its processes are ended, for they may be at work still."""
        if self._pool is None:
            context = start_server()
            self._pool = ProcessPool(max_workers=self._count, context=context)
        try:
            yield self._pool
        except BaseException:
            self.close()
            raise


def start_server() -> Any:
    """Starts the process that others are forked from, if it does not run, and does not wait.

    Returns:
      The multiprocessing context that forks from it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    forkserver.ensure_running()
    return context


_Task = tuple[str, Callable[[Any], bytes], Any]


def _all(pool: Any, tasks: Sequence[_Task], options: Options, deadline: Deadline) -> list[bytes]:
    """Results in the order of the tasks, however often each had to be tried."""
    done: dict[int, bytes] = {}
    tried = [0] * len(tasks)
    running: dict[Any, int] = {}

    def start(index: int) -> None:
        _, function, argument = tasks[index]
        tried[index] += 1
        future = pool.schedule(function, args=(argument,), timeout=options.task_seconds)
        running[future] = index

    for index in range(len(tasks)):
        start(index)
    while running:
        name = tasks[min(running.values())][0]
        ended, _ = wait(running, timeout=deadline.left(name), return_when=FIRST_COMPLETED)
        for future in ended:
            index = running.pop(future)
            name = tasks[index][0]
            error = future.exception()
            if error is None:
                done[index] = future.result()
                continue
            if isinstance(error, TaxiwayError):
                raise error
            reason = _reason(error)
            _log.warning("%s: %s, try %d: %s", options.name, name, tried[index], reason)
            if tried[index] >= options.tries:
                if isinstance(error, TimeoutError):
                    raise too_slow(options, name, "task_seconds", options.task_seconds)
                raise failed(options, name, reason) from error
            start(index)
    return [done[index] for index in range(len(tasks))]


def _reason(error: BaseException) -> str:
    if isinstance(error, ProcessExpired):
        code = error.exitcode
        return f"its process died ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
    return describe(error)
