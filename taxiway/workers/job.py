"""What a job is, whoever works on it: shards, the two functions, limits, and the one error.

A kind of worker is one file: its section of the config (a WorkersSection with a `kind`), and a
class that keeps the Workers protocol. Its name goes into `WorkersConfig` in active.py.
"""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from pydantic import Field

from taxiway.errors import TaxiwayError
from taxiway.root_cause import may_pass, root_cause
from taxiway.section import Frozen, Seconds

WORKERS_KEY: Final = "engine.workers"
MERGE: Final = "the merge"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """A piece of the input: a file, or the part [first, last) of it; `last` None is its end.

    What the numbers count (rows, row groups) is between who makes shards and who reads them.
    """

    uri: str
    first: int = 0
    last: int | None = None

    def __str__(self) -> str:
        if self.first == 0 and self.last is None:
            return self.uri
        return f"{self.uri} [{self.first}, {'end' if self.last is None else self.last})"


MapFn = Callable[[Shard], bytes]
"""From a shard to a small result. It may run more than once on one shard, and twice at a time, so
what it writes must not depend on that. A top-level function, or a functools.partial of one. What
it keeps for the next shard goes by `job_token`."""

ReduceFn = Callable[[Sequence[bytes]], bytes]
"""Merges the results, given in the order of the shards. Runs once all are there, on a worker."""


@dataclass(frozen=True)
class Options:
    """Limits of one job; `name` is who it works for, as errors and logs say it."""

    name: str
    retries: int = 2
    task_seconds: float = 3600.0
    job_seconds: float = 24 * 3600.0


class Workers(Protocol):
    """Somewhere to work."""

    def run(
        self, map_fn: MapFn, shards: Sequence[Shard], reduce_fn: ReduceFn, options: Options
    ) -> bytes:
        """What `reduce_fn` gives for what `map_fn` gives for each shard.

        Raises:
          ShardError: a shard, or the merge, failed as often as it may or in a way that
            no other try can mend, or ran out of time.
          TaxiwayError: what the functions raised of that kind, at its first time.
        """
        ...

    def close(self) -> None:
        """Lets go of processes and connections; the next `run` starts them again."""
        ...


class WorkersSection(Frozen):
    """Keys of every kind of `engine.workers`, and how its workers are started."""

    retries: Annotated[int, Field(ge=0)] = 2
    """How often a shard is tried again where that can help: its worker died or was too slow, or a
    connection, a disk or memory failed. Wrong data, a wrong graph or a missing file is final."""
    task_seconds: Seconds = 3600.0
    """Deadline of one shard; inline work cannot be stopped and knows only the next one."""
    job_seconds: Seconds = 24 * 3600.0
    """Deadline of a whole step."""

    @abstractmethod
    def start(self) -> Workers:
        """Workers of this kind; processes and connections are started when they are first used."""


class ShardError(TaxiwayError):
    """A job that cannot be finished, and the shard that it failed on."""


class FinalShardError(ShardError):
    """One that would come again, however often the job is tried."""


def job_token() -> str:
    """What no other job has, made once per job and handed to its functions.

    A worker may outlive many runs, and the path of an artifact comes again once ML Metadata is
    emptied: a cache of what was read from a path needs the token in its key. Nothing else may
    depend on it.
    """
    return uuid.uuid4().hex


def failed(options: Options, what: str, failure: Failure) -> ShardError:
    """The error for a shard (or `the merge`) that was tried as often as it may be."""
    if not failure.may_pass:
        return FinalShardError(
            f"{options.name}, at work on {what}: {failure.reason}",
            edit="what the error names; the log has where it was raised",
        )
    times = f"{options.retries + 1} times" if options.retries else "once"
    return ShardError(
        f"{options.name}: {what} was tried {times}; the last time {failure.reason}",
        edit="what the error names, or engine.workers.retries",
    )


def too_slow(options: Options, what: str, key: str, seconds: float) -> ShardError:
    """The error for a deadline that passed."""
    return ShardError(
        f"{options.name}: {what} was not done within {seconds:g} s", edit=f"{WORKERS_KEY}.{key}"
    )


@dataclass(frozen=True)
class Failure:
    """Why one try came to nothing."""

    reason: str
    traceback: str = ""
    is_too_slow: bool = False
    may_pass: bool = True
    """Whether the next try may go better."""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Of what a function raised."""
        told = "".join(traceback.format_exception(error))
        return cls(root_cause(error), told, may_pass=may_pass(error))


Outcome = bytes | TaxiwayError | Failure
"""How a try ended. An error of Taxiway's own would come again, and is final."""


def attempted(act: Callable[[], bytes]) -> Outcome:
    """One try, in a worker; a Failure is words alone, for not every error can be pickled."""
    try:
        return act()
    except TaxiwayError as error:
        return error
    except (Exception, SystemExit) as error:
        return Failure.of(error)


class Retries:
    """Counts how often each task failed, and says when that is enough."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._failed: Counter[int] = Counter()

    def failed(self, index: int, what: str, failure: Failure) -> None:
        """Notes a try that came to nothing.

        Raises:
          ShardError: it was the last, or another would end in the same way.
        """
        self._failed[index] += 1
        count, options = self._failed[index], self._options
        reason = f"{failure.reason}\n{failure.traceback}".rstrip()
        _log.warning("%s: %s, try %d: %s", options.name, what, count, reason)
        if failure.may_pass and count <= options.retries:
            return
        if failure.is_too_slow:
            raise too_slow(options, what, "task_seconds", options.task_seconds)
        raise failed(options, what, failure)


@dataclass(frozen=True)
class Deadline:
    """The end of a job, on the monotonic clock."""

    options: Options
    at: float

    @classmethod
    def of(cls, options: Options) -> Deadline:
        """Starts to count."""
        return cls(options, time.monotonic() + options.job_seconds)

    def left(self, what: str) -> float:
        """Seconds left.

        Raises:
          ShardError: none are.
        """
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise too_slow(self.options, what, "job_seconds", self.options.job_seconds)
        return seconds
