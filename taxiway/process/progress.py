"""How far a node has come: said by whoever does its work, heard by whoever runs it.

What TFX calls to do the work of a node knows nothing of the runner. So a runner listens while it
launches a node, and whatever that node does in this context is heard: rows that are read, shards
that are done (taxiway/workers tells them, of other processes too), epochs. Where nobody listens,
as in a library or a test, a call costs a lookup. It is called once per batch of rows, per shard or
per epoch, and what listeners hear is paced: nothing waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

HEARD_SECONDS: Final = 0.5
"""How often a listener hears of one piece of work at most."""
PACE_SECONDS: Final = 30.0
"""How often a line is written to a log, where each line stays."""


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is: `3 of 8 shards, 1,203,000 rows`."""

    done: int = 0
    total: int = 0
    """0: not known, or nothing that is counted."""
    unit: str = "shards"
    rows: int = 0
    """Read so far."""
    note: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    """What was measured at this point, by name: losses and metrics of an epoch."""

    @property
    def text(self) -> str:
        """In a few words."""
        unit = self.unit[:-1] if self.total == 1 else self.unit
        parts = (
            f"{self.done:,} of {self.total:,} {unit}" if self.total else "",
            f"{self.rows:,} rows" if self.rows else "",
            self.note,
        )
        return ", ".join(part for part in parts if part)


class Pace:
    """Says when it is time again, the first time `seconds` after it was made."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + seconds

    def due(self) -> bool:
        """Whether so much time has passed since it last said so."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


Listener = Callable[[Progress], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_counter: ContextVar[Callable[[int], None] | None] = ContextVar("counter", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within it, `listener` hears of what is done in this thread, and for it in processes."""
    pace, rows = Pace(HEARD_SECONDS), 0

    def count(more: int) -> None:
        nonlocal rows
        rows += more
        if pace.due():
            listener(Progress(rows=rows))

    token = _listener.set(listener)
    try:
        with counting(count):
            yield
    finally:
        _listener.reset(token)


@contextmanager
def counting(counter: Callable[[int], None]) -> Iterator[None]:
    """Within it, `counter` is told of each batch of rows that this thread reads."""
    token = _counter.set(counter)
    try:
        yield
    finally:
        _counter.reset(token)


def report(progress: Progress) -> None:
    """Tells whoever listens; for what happens seldom, such as the end of an epoch."""
    listener = _listener.get()
    if listener is not None:
        listener(progress)


def rows_read(count: int) -> None:
    """Tells that a batch of rows was read; cheap enough to be told of each."""
    counter = _counter.get()
    if counter is not None:
        counter(count)


class JobProgress:
    """Shards that are done, and the rows of each; a shard that is tried again begins anew."""

    def __init__(self, shards: int, seconds: float = HEARD_SECONDS) -> None:
        self._shards = shards
        self._done: set[int] = set()
        self._rows: dict[int, int] = {}
        self._pace = Pace(seconds)

    @contextmanager
    def shard(self, index: int) -> Iterator[None]:
        """Within it, this thread works on a shard."""
        with counting(lambda rows: self.rows(index, rows)):
            yield
        self.done(index)

    def rows(self, index: int, count: int) -> None:
        """So many more rows of a shard were read."""
        self._rows[index] = self._rows.get(index, 0) + count
        self._tell()

    def done(self, index: int) -> None:
        """A shard is done; what has no number of a shard is the merge."""
        if index < self._shards:
            self._done.add(index)
        self._tell()

    def again(self, index: int) -> None:
        """A shard is not done, and its rows will be read once more."""
        self._done.discard(index)
        self._rows.pop(index, None)

    def _tell(self) -> None:
        if self._pace.due():
            rows = sum(self._rows.values())
            report(Progress(len(self._done), self._shards, rows=rows))
