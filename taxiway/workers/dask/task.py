"""A task as a worker of a Dask cluster runs it; both sides import this, and nothing heavy."""

from __future__ import annotations

import functools
import os
import pickle
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from taxiway.errors import TaxiwayError
from taxiway.process import code_digest as code
from taxiway.process.code_digest import packages_digest
from taxiway.workers.job import attempted

SAME: Final = ("tfx", "tensorflow", "tensorflow-data-validation", "distributed", "cloudpickle")
"""Packages of which workers must have the very version that the run has."""

WATCH_SECONDS: Final = 0.5
"""How often it is seen whether a task is wanted still."""


class ClusterError(TaxiwayError):
    """The cluster cannot be used, or not any more; what was done before is not lost."""


@dataclass(frozen=True)
class Call:
    """What a worker is sent.

    Args:
      key: of the task.
      topic: of the events by which it says that it starts.
      versions: those of the run, see `versions`.
      seconds: how long it may take.
      pickled: the function and its shard, or None for the parts. They are pickled apart, so that
        no other code than the run's own ever reads them.
    """

    key: str
    topic: str
    versions: Mapping[str, str]
    seconds: float
    pickled: bytes


class Failed(Exception):  # noqa: N818  # what it holds may be an error, or a try that failed
    """An Outcome on its way to the driver, pickled, with the key of its task."""

    def __init__(self, key: str, pickled: bytes) -> None:
        super().__init__(key, pickled)
        self.key, self.pickled = key, pickled

    def __str__(self) -> str:
        return f"{self.key} failed"


def work(call: Call, *parts: bytes) -> bytes:
    """Does what it is called for, once the scheduler has heard that it starts.

    Raises:
      Failed: it came to nothing.
    """
    from distributed import get_worker
    from distributed.utils import sync

    worker = get_worker()
    message = {"key": call.key, "worker": worker.address}
    sync(worker.loop, worker.scheduler.log_event, topic=call.topic, msg=message)
    done = threading.Event()
    threading.Thread(target=_watch, args=(worker, call, done), daemon=True).start()
    try:
        outcome = _refusal(call, worker) or attempted(partial(_do, call.pickled, parts))
    finally:
        done.set()
    if isinstance(outcome, bytes):
        return outcome
    raise Failed(call.key, pickle.dumps(outcome))


def _watch(worker: Any, call: Call, done: threading.Event) -> None:
    """Ends the process, which its nanny replaces, if the task is too slow or nobody waits for it.

    Dask lets such a task run on, and no thread that is in C++ can be ended in another way. Nobody
    waits when the run was stopped, has failed on another shard, or was killed.
    """
    until = time.monotonic() + call.seconds
    while not done.wait(min(WATCH_SECONDS, max(0.0, until - time.monotonic()))):
        task = worker.state.tasks.get(call.key)
        if time.monotonic() >= until or task is None or task.state == "cancelled":
            os._exit(1)


def _do(pickled: bytes, parts: Sequence[bytes]) -> bytes:
    function, shard = pickle.loads(pickled)  # noqa: S301  # by `taxiway.workers.dask.cluster`, over TLS
    result: bytes = function(parts if shard is None else shard)
    return result


def _refusal(call: Call, worker: Any) -> ClusterError | None:
    """Why this worker cannot be used; asked by each task, since workers come at any time."""
    here = versions()
    wrong = [
        f"{name} {here[name] or 'missing'} instead of {expected or 'none'}"
        for name, expected in call.versions.items()
        if here[name] != expected
    ]
    threads = worker.state.nthreads
    if threads != 1:
        wrong.append(f"{threads} threads instead of 1, all of which a crash would end")
    if not wrong:
        return None
    return ClusterError(
        f"the worker {worker.address} cannot work for this run: it has {', '.join(wrong)}",
        edit="how the worker is started: same code and packages as the run, --nthreads 1",
    )


@functools.lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """What must be the same on both sides, by name; nothing of it is imported."""
    return {"code": packages_digest()[:12], **code.versions(SAME)}
