"""Works in processes of this machine, forked from one that has imported TensorFlow.

The story of a job: the first one starts a fork server, which imports what steps import (preload.py)
and forks in milliseconds. Each process has a pipe of its own and one task at a time, so a process
that dies, or is ended for being too slow, costs its own shard one try and the others nothing; it is
replaced, and the shard tried again as often as `retries` allows. The results are merged in one more
task. Processes stay a second for the next job and then leave, since their memory is wanted; they
also end when their parent does, however it ends.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection, forkserver
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from taxiway.errors import TaxiwayError
from taxiway.process.progress import HEARD_SECONDS, JobProgress, Pace, counting
from taxiway.root_cause import root_cause
from taxiway.workers.job import (
    MERGE,
    Deadline,
    Failure,
    MapFn,
    Options,
    Outcome,
    ReduceFn,
    Retries,
    Shard,
    Workers,
    WorkersSection,
    attempted,
)

PRELOADED: Final = ("taxiway.process.preload",)
"""Imported once, in the process that all others are forked from."""
STAY_SECONDS: Final = 1.0
"""How long processes wait for another job, which finds TensorFlow's runtime started in them."""


class ProcessWorkers(WorkersSection):
    """Processes of this machine, kept from step to step."""

    kind: Literal["processes"]
    count: Annotated[int, Field(ge=0)] = 0
    """0: one per core."""

    def start(self) -> Workers:
        """A pool without processes yet."""
        return Processes(self.count)


class Processes:
    """A pool of forked processes: one per core, or `count`.

    The processes are forked from a server that has imported TensorFlow and nothing else, so each
    starts in milliseconds and they share those pages. They stay for a job that follows at once, and
    else end, since what a job left in them would be memory that later steps go without. Each has a
    pipe of its own and one task at a time, so that one that dies or is ended costs its own shard a
    try, and no other anything.
    """

    def __init__(self, count: int = 0) -> None:
        self._count = count or len(os.sched_getaffinity(0))
        self._idle: list[_Process] = []
        self._one_job = threading.Lock()
        self._leave: threading.Timer | None = None

    def run(
        self, map_fn: MapFn, shards: Sequence[Shard], reduce_fn: ReduceFn, options: Options
    ) -> bytes:
        """See `taxiway.workers.job.Workers`."""
        deadline = Deadline.of(options)
        tasks: list[_Task] = [(str(shard), map_fn, shard) for shard in shards]
        with self._one_job:
            if self._leave is not None:
                self._leave.cancel()
            try:
                progress = JobProgress(len(tasks))
                parts = self._all(tasks, options, deadline, progress)
                merge: list[_Task] = [(MERGE, reduce_fn, parts)]
                return self._all(merge, options, deadline, JobProgress(0, math.inf))[0]
            finally:
                self._leave = threading.Timer(STAY_SECONDS, self.close)
                self._leave.daemon = True
                self._leave.start()

    def close(self) -> None:
        """Ends the processes, at once, or after the job that is at work."""
        with self._one_job:
            for process in self._idle:
                process.end()
            self._idle.clear()

    def _all(
        self, tasks: Sequence[_Task], options: Options, deadline: Deadline, progress: JobProgress
    ) -> list[bytes]:
        """Results in the order of the tasks, however often each had to be tried."""
        retries = Retries(options)
        waiting = deque(range(len(tasks)))
        busy: dict[_Process, _Running] = {}
        done: dict[int, bytes] = {}
        try:
            while len(done) < len(tasks):
                while waiting and len(busy) < self._count:
                    index = waiting.popleft()
                    process = self._started(tasks[index], deadline)
                    busy[process] = _Running(index, time.monotonic() + options.task_seconds)
                left = deadline.left(tasks[min(one.index for one in busy.values())][0])
                for process, outcome in _ended(busy, left):
                    if isinstance(outcome, RowsRead):
                        progress.rows(busy[process].index, outcome.count)
                        continue
                    index = busy.pop(process).index
                    if process.is_alive():
                        self._idle.append(process)
                    else:
                        process.end()
                    if isinstance(outcome, TaxiwayError):
                        raise outcome
                    if isinstance(outcome, Failure):
                        progress.again(index)
                        retries.failed(index, tasks[index][0], outcome)
                        waiting.append(index)
                    else:
                        done[index] = outcome
                        progress.done(index)
        finally:
            for process in busy:  # after an error: nobody waits for what they do
                process.end()
        return [done[index] for index in range(len(tasks))]

    def _started(self, task: _Task, deadline: Deadline) -> _Process:
        """A process that has the task; one that died while it was idle is replaced."""
        name, function, argument = task
        payload = pickle.dumps((function, argument))
        while self._idle:
            process = self._idle.pop()
            if process.give(payload):
                return process
            process.end()
        process = _Process()
        process.await_start(deadline.left(name))
        process.give(payload)
        return process


def start_server() -> Any:
    """Starts the process that others are forked from, if it does not run, and does not wait.

    Returns:
      The multiprocessing context that forks from it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    forkserver.ensure_running()
    return context


@dataclass(frozen=True)
class RowsRead:
    """What a process says while it is at work: so many more rows."""

    count: int


_Task = tuple[str, Callable[[Any], bytes], Any]


@dataclass(frozen=True)
class _Running:
    """The task of a busy process, and when it is too slow, on the monotonic clock."""

    index: int
    until: float


class _Process:
    """A process that works on one task after the other, and the pipe that brings them."""

    def __init__(self) -> None:
        context = start_server()
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def await_start(self, seconds: float) -> None:
        """Waits until it serves, so that starting it is no part of a task's time."""
        if self.pipe.poll(seconds):
            with suppress(EOFError, OSError):  # it has died, as its first task will show
                self.pipe.recv_bytes()

    def give(self, payload: bytes) -> bool:
        """Sends a task; False where the process is no more."""
        try:
            self.pipe.send_bytes(payload)
        except OSError:
            return False
        return True

    def take(self) -> Outcome | RowsRead:
        """What became of its task, or how it goes, once the pipe has something to say."""
        try:
            outcome: Outcome | RowsRead = pickle.loads(self.pipe.recv_bytes())  # noqa: S301  # by _serve
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return Failure(f"its process died ({how})")
        return outcome

    def is_alive(self) -> bool:
        """Whether it can be given a task."""
        return bool(self._process.is_alive())

    def end(self) -> None:
        """Ends it, whatever it is at."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _ended(
    busy: dict[_Process, _Running], seconds: float
) -> list[tuple[_Process, Outcome | RowsRead]]:
    """Waits for the first tasks to end, to tell of rows, or to be too slow; at most so long."""
    soonest = min(running.until for running in busy.values()) - time.monotonic()
    pipes = {process.pipe: process for process in busy}
    ready = connection.wait(list(pipes), timeout=max(0.0, min(seconds, soonest)))
    ended = [(pipes[pipe], pipes[pipe].take()) for pipe in ready]
    late = [
        process
        for process, running in busy.items()
        if running.until <= time.monotonic() and process.pipe not in ready
    ]
    for process in late:
        process.end()
    return ended + [(process, Failure("it was too slow", is_too_slow=True)) for process in late]


def _serve(pipe: Any) -> None:
    """The life of a process: Ctrl-C is for the parent to act on, and its end is the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        pipe.send_bytes(b"serving")
        while True:
            payload = pipe.recv_bytes()
            with counting(_rows_sender(pipe)):
                outcome = attempted(partial(_do, payload))
            pipe.send_bytes(_pickled(outcome))


def _rows_sender(pipe: Any) -> Callable[[int], None]:
    """Sends the parent how many rows were read, about twice a second."""
    pace, rows = Pace(HEARD_SECONDS), 0

    def count(more: int) -> None:
        nonlocal rows
        rows += more
        if pace.due():
            pipe.send_bytes(pickle.dumps(RowsRead(rows)))
            rows = 0

    return count


def _do(payload: bytes) -> bytes:
    function, argument = pickle.loads(payload)  # noqa: S301  # by `Processes`
    result: bytes = function(argument)
    return result


def _pickled(outcome: Outcome) -> bytes:
    try:
        return pickle.dumps(outcome)
    except Exception as error:
        reason = f"its result cannot be pickled: {root_cause(error)}"
        return pickle.dumps(Failure(reason, may_pass=False))


def _end_with_parent() -> None:
    """Else a process that is at work would outlive a parent that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
