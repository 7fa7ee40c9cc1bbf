"""One job on a Dask cluster: what was sent, what has started where, and what to try again."""

from __future__ import annotations

import pickle
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from taxiway.errors import TaxiwayError
from taxiway.process.progress import JobProgress
from taxiway.root_cause import root_cause
from taxiway.workers.dask.task import Call, ClusterError, Failed, versions, work
from taxiway.workers.job import MERGE, WORKERS_KEY, Deadline, Failure, Options, Retries

PING_SECONDS: Final = 5.0
"""How often the scheduler is asked whether it is there, and has workers."""
GRACE_SECONDS: Final = 2.0
"""A worker ends itself when a task is too slow; one that has not by then is frozen."""
END_SECONDS: Final = 10.0
"""How long ending workers, or a connection, may take before it is left to the cluster."""

T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """A task that starts, on a worker, or one that has ended, well or not."""

    key: str
    at: float
    worker: str = ""


@dataclass(frozen=True)
class Scheduler:
    """Where the scheduler is, and how long it may be silent or without workers."""

    address: str
    connect_seconds: float


class Job:
    """One job. Its tasks have the numbers of their shards, and the merge comes last."""

    def __init__(
        self,
        client: Any,
        scheduler: Scheduler,
        options: Options,
        deadline: Deadline,
        names: Sequence[str],
        pickled: Sequence[bytes],
    ) -> None:
        self._client, self._scheduler = client, scheduler
        self._options, self._deadline = options, deadline
        self._names, self._pickled = names, pickled
        self._merge = len(names) - 1
        self._retries, self._progress = Retries(options), JobProgress(self._merge)
        self._prefix = f"{options.name}-{uuid.uuid4().hex[:8]}"
        self._index: dict[str, int] = {}
        self._futures: dict[int, Any] = {}
        self._done: set[int] = set()
        self._at_work: dict[str, Event] = {}
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._pinged = self._last_worker = time.monotonic()

    def run(self) -> bytes:
        """What the merge gives; raises as `taxiway.workers.job.Workers.run`."""
        self._client.subscribe_topic(self._client.id, self._on_topic)
        for index in range(self._merge):
            self._submit(index)
        while self._merge not in self._done:
            if len(self._done) == self._merge and self._merge not in self._futures:
                self._submit(self._merge)
            event = self._next()
            if event is None:
                self._look()
            elif self._is_current(event.key):
                (self._on_start if event.worker else self._on_end)(event)
        merged: bytes = self._ask(self._deadline.left(MERGE), self._futures[self._merge].result)
        for future in self._futures.values():
            future.release()  # else workers keep the results until the next job
        return merged

    def abandon(self) -> None:
        """Takes all back; a worker that is at one of the tasks ends itself, see `dask_task`."""
        with suppress(Exception):
            futures = list(self._futures.values())
            bounded(END_SECONDS, lambda: self._client.cancel(futures, force=True))

    def _submit(self, index: int) -> None:
        key = f"{self._prefix}-{index}-{len(self._index)}"
        call = Call(
            key, self._client.id, versions(), self._options.task_seconds, self._pickled[index]
        )
        is_merge = index == self._merge
        parts = [self._futures[part] for part in range(self._merge)] if is_merge else []
        self._index[key] = index
        future = self._client.submit(work, call, *parts, key=key)
        self._futures[index] = future
        future.add_done_callback(lambda _: self._events.put(Event(key, time.monotonic())))

    def _wait_again(self, future: Any) -> None:
        """For a task whose result was lost with a worker before its end was looked at.

        Dask makes it again, but runs no callback a second time.
        """

        def wait() -> None:
            with suppress(Exception):  # it was cancelled, and has ended too
                future.exception()
            self._events.put(Event(future.key, time.monotonic()))

        threading.Thread(target=wait, daemon=True).start()

    def _is_current(self, key: str) -> bool:
        """Not of an earlier try, or of another job."""
        future = self._futures.get(self._index.get(key, -1))
        return future is not None and future.key == key

    def _on_topic(self, event: tuple[float, Any]) -> None:
        """In a thread of the client."""
        _, message = event
        if isinstance(message, dict) and "key" in message and "worker" in message:
            self._events.put(Event(message["key"], time.monotonic(), message["worker"]))

    def _next(self) -> Event | None:
        """The next event; None from time to time, and when a task is late."""
        unfinished = next(i for i in range(len(self._names)) if i not in self._done)
        seconds = min(PING_SECONDS, self._deadline.left(self._names[unfinished]))
        if self._at_work:
            first = min(event.at for event in self._at_work.values())
            seconds = min(seconds, first + self._patience - time.monotonic())
        if time.monotonic() - self._pinged > PING_SECONDS:
            return None
        with suppress(queue.Empty):
            return self._events.get(timeout=max(0.0, seconds))
        return None

    @property
    def _patience(self) -> float:
        return self._options.task_seconds + GRACE_SECONDS

    def _on_start(self, event: Event) -> None:
        before = self._at_work.get(event.key)
        self._at_work[event.key] = event
        if before is not None:  # Dask itself starts again what a dead worker was at
            index = self._index[event.key]
            self._retries.failed(index, self._names[index], self._death(before, event.at))

    def _on_end(self, event: Event) -> None:
        from distributed import KilledWorker

        future = self._futures[self._index[event.key]]
        if future.status == "finished":
            self._at_work.pop(event.key, None)
            self._done.add(self._index[event.key])
            self._progress.done(self._index[event.key])
            return
        if future.status == "cancelled":  # not by us: the client does it when it loses touch
            raise self._gone("it ended, or the network did")
        error = None
        if future.status == "error":
            error = self._ask(self._scheduler.connect_seconds, future.exception)
        if error is None:
            self._wait_again(future)
        elif isinstance(error, Failed):  # perhaps of a shard that the merge needed made again
            outcome = pickle.loads(error.pickled)  # noqa: S301  # by `work`, over TLS
            if isinstance(outcome, TaxiwayError):
                raise outcome
            self._again(error.key, outcome)
        elif isinstance(error, KilledWorker):
            at_work = self._at_work.get(error.task)
            self._again(error.task, self._death(at_work, event.at) if at_work else None)
        elif isinstance(error, ImportError) or "deserialization" in str(error):
            raise ClusterError(
                f"the cluster {self._scheduler.address} cannot import Taxiway "
                f"({root_cause(error)})",
                edit="how scheduler and workers are started: same code and packages as the run",
            )
        else:
            self._again(event.key, Failure(root_cause(error)))

    def _death(self, at_work: Event, at: float) -> Failure:
        """Why the worker died: by its own watch, which began a little before ours, or otherwise."""
        if at - at_work.at > 0.9 * self._options.task_seconds:
            return Failure("it was too slow", is_too_slow=True)
        return Failure(f"its worker {at_work.worker} died")

    def _again(self, key: str, failure: Failure | None) -> None:
        """Retries a task; without a failure it only waited on a worker that died."""
        index = self._index[key]
        self._at_work.pop(key, None)
        if failure is not None:
            self._retries.failed(index, self._names[index], failure)
        self._done.discard(index)
        self._progress.again(index)
        for stale in {index, self._merge} & set(self._futures):  # the merge waits for this try
            self._futures.pop(stale).cancel()
        if index != self._merge:
            self._submit(index)

    def _look(self) -> None:
        """Looks for tasks that are late on a frozen worker, and whether the cluster is there."""
        for key, event in list(self._at_work.items()):
            if time.monotonic() - event.at < self._patience:
                continue
            if not self._is_current(key) or self._futures[self._index[key]].done():
                del self._at_work[key]
                continue
            self._end(event.worker)
            self._again(key, Failure("it was too slow", is_too_slow=True))
        if time.monotonic() - self._pinged <= PING_SECONDS:
            return
        seconds, scheduler = self._scheduler.connect_seconds, self._client.scheduler
        workers = self._ask(seconds, lambda: self._client.sync(scheduler.ncores))
        self._pinged = time.monotonic()
        if workers:
            self._last_worker = self._pinged
        elif self._pinged - self._last_worker > seconds:
            raise ClusterError(
                f"the Dask scheduler {self._scheduler.address} has no workers since {seconds:g} s",
                edit="start workers; deploy/README.md says how",
            )

    def _end(self, worker: str) -> None:
        """Has the scheduler replace a frozen worker, or forget it if its nanny is frozen too."""
        restart = self._client.scheduler.restart_workers
        with suppress(Exception):
            bounded(
                2 * END_SECONDS,
                lambda: self._client.sync(
                    restart,
                    workers=[worker],
                    timeout=END_SECONDS,
                    wait_for_workers=False,
                    on_error="return",
                    stimulus_id=f"too-slow-{time.time()}",
                ),
            )

    def _ask(self, seconds: float, act: Callable[[], T]) -> T:
        try:
            return bounded(seconds, act)
        except Exception as error:
            raise self._gone(root_cause(error)) from error

    def _gone(self, reason: str) -> ClusterError:
        return ClusterError(
            f"{self._options.name}: lost the Dask scheduler {self._scheduler.address} ({reason}); "
            "when it is back, run again: what was done is kept",
            edit=f"{WORKERS_KEY}.address",
        )


def bounded(seconds: float, act: Callable[[], T]) -> T:
    """What `act` gives; raises TimeoutError if it takes longer, and then leaves it to itself."""
    ended: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put((act(), None))
        except BaseException as error:
            ended.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = ended.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None where `act` gives it
