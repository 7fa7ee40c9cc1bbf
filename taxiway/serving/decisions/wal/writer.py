"""The write-ahead log of one gateway process: what it takes, a thread puts on disk in batches.

Whoever appends makes the frame and leaves it in a list; no system call, and the disk is not waited
for. The thread takes the whole list, writes it with one call and one fsync (a group commit), and
tells those who wait for theirs. Where the disk is full or slow, the list grows up to a bound; what
comes then is given up, counted and told.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxiway.serving.decisions.wal.counters import Counters
from taxiway.serving.decisions.wal.folders import COUNTERS
from taxiway.serving.decisions.wal.frames import NOT_COUNTED, frame
from taxiway.serving.decisions.wal.segment import Segment

GATHER_SECONDS: Final = 0.02
"""From the first record of a batch to its write; the rest of the 50 ms is the disk's."""
TICK_SECONDS: Final = 0.5
BUFFERED_BYTES: Final = 64 * 2**20
SEGMENT_SECONDS: Final = 60.0
TOLD_SECONDS: Final = 10.0
"""Between two words about a disk that takes nothing."""
_LOG: Final = logging.getLogger("taxiway.decisions")


class NotKeptError(Exception):
    """A record that was to be on disk and is not."""


@dataclass
class Counts:
    """Of the records of a process: accepted is dropped, written and those that wait together."""

    accepted: int = 0
    dropped: int = 0
    written: int = 0
    segments: int = 0
    """That were closed."""
    closed: int = 0
    """The first so many records are in closed segments, or were dropped."""


@dataclass
class _Pending:
    """What was taken and is not on disk."""

    frames: list[bytes]
    waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]]
    first: int = 0
    records: int = 0
    rows: int = 0
    size: int = 0


class WriteAheadLog:
    """Takes records, in any thread; see the module.

    Args:
      folder: of this gateway process, which no other writes to.
      always: whether `durable` is asked for: records are written at once, not gathered.
      segment_rows: after which a segment is closed.
      note: what each segment says of itself, asked for when one is begun.
      tick: called in the thread, twice a second.
      buffered_bytes: how much may wait for the disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        always: bool,
        segment_rows: int,
        note: Callable[[], bytes],
        tick: Callable[[], None] = lambda: None,
        buffered_bytes: int = BUFFERED_BYTES,
        segment_seconds: float = SEGMENT_SECONDS,
    ) -> None:
        self._folder = folder
        self._always = always
        self._bounds = segment_rows, segment_seconds
        self._note, self._tick = note, tick
        self._most = buffered_bytes
        self._counters = Counters(folder / COUNTERS)
        self.counts = Counts()
        self._lock = threading.Lock()
        self._pending = _Pending([], [])
        self._segment: Segment | None = None
        self._came, self._stop, self._rotate = threading.Event(), threading.Event(), False
        self._through = 0
        self._told = -TOLD_SECONDS
        self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)

    def start(self) -> None:
        """Begins to write; what was taken before waits."""
        self._thread.start()

    def append(self, body: bytes, rows: int) -> bool:
        """Takes a record, to be on disk within 50 ms; False where it is given up."""
        with self._lock:
            return self._append(body, rows)

    async def durable(self, body: bytes, rows: int) -> None:
        """Takes a record, and returns when it is on disk.

        Raises:
          NotKeptError: the disk did not take it.
        """
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if not self._append(body, rows):
                raise NotKeptError("too many decisions wait for the disk")
            self._pending.waiting.append((loop, written))
        await written

    def close_segment(self) -> None:
        """Has the segment closed at once, with all that was taken so far."""
        self._rotate = True
        self._came.set()

    def amend(self, note: bytes) -> None:
        """Adds to what the segment at hand says of itself."""
        with self._lock:
            self._pending.frames.append(frame(NOT_COUNTED, note))
            self._came.set()

    def close(self) -> None:
        """Writes what is left, closes the segment, and ends the thread."""
        if self._thread.is_alive():
            self._stop.set()
            self._came.set()
            self._thread.join()
            self._counters.close()

    def _append(self, body: bytes, rows: int) -> bool:
        counts, pending = self.counts, self._pending
        sequence = counts.accepted
        counts.accepted = sequence + 1
        self._counters.accepted(sequence + 1)
        if pending.size + len(body) > self._most or self._stop.is_set():
            self._give_up(1)
            return False
        if not pending.records:
            pending.first = sequence
            self._came.set()
        pending.frames.append(frame(sequence, body))
        pending.records += 1
        pending.rows += rows
        pending.size += len(body)
        return True

    def _give_up(self, records: int) -> None:
        self.counts.dropped += records
        self._counters.dropped(self.counts.dropped)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._came.wait(TICK_SECONDS)
            if not self._always:
                self._stop.wait(GATHER_SECONDS)
            self._came.clear()
            self._work()
        self._write()
        self._finish()

    def _work(self) -> None:
        try:
            rotate, self._rotate = self._rotate, False
            self._write()
            if self._segment is not None and (rotate or self._is_full(self._segment)):
                self._close_segment(self._segment)
            if self._segment is None:
                self.counts.closed = self._through
            self._tick()
        except Exception:  # the thread must live: without it nothing is logged
            _LOG.exception("decision log")

    def _is_full(self, segment: Segment) -> bool:
        rows, seconds = self._bounds
        return segment.rows >= rows or time.monotonic() - segment.born >= seconds

    def _write(self) -> None:
        """All that waits, as one batch; where the disk does not take it, it waits on."""
        with self._lock:
            batch, self._pending = self._pending, _Pending([], [])
            accepted = self.counts.accepted
        if not batch.records and (self._segment is None or not batch.frames):
            self._through = accepted
            return  # a note alone begins no segment: each says it all at its beginning
        try:
            if self._segment is None:
                self._segment = Segment(self._folder, batch.first, self._note())
            self._segment.write(b"".join(batch.frames), batch.rows)
        except OSError as error:
            self._failed(batch, error)
            return
        with self._lock:
            self.counts.written += batch.records
        self._counters.written(self.counts.written)
        self._through = accepted
        _tell(batch.waiting, None)

    def _failed(self, batch: _Pending, error: OSError) -> None:
        if time.monotonic() - self._told >= TOLD_SECONDS:
            self._told = time.monotonic()
            _LOG.error(
                "decision log: %s takes nothing (%s); %d decisions wait, %d were dropped so far",
                *(self._folder, error, batch.records, self.counts.dropped),
            )
        with suppress(OSError):  # the next one may fit, as where files may only be so long
            if self._segment is not None and self._segment.rows:
                self._close_segment(self._segment)
        with self._lock:
            if self._always:  # their answers are refused, so they were no decisions
                self._give_up(batch.records)
            else:
                self._put_back(batch)
        _tell(batch.waiting, NotKeptError(str(error)))
        self._stop.wait(GATHER_SECONDS)

    def _put_back(self, batch: _Pending) -> None:
        later = self._pending
        if not batch.records:
            batch.first = later.first
        batch.frames += later.frames
        batch.records += later.records
        batch.rows += later.rows
        batch.size += later.size
        self._pending = batch
        self._came.set()

    def _close_segment(self, segment: Segment) -> None:
        self._segment = None
        segment.close()
        self.counts.segments += 1

    def _finish(self) -> None:
        with self._lock:
            left, self._pending = self._pending, _Pending([], [])
            self._give_up(left.records)
        _tell(left.waiting, NotKeptError("the gateway ends"))
        if left.records:
            _LOG.error("decision log: %d decisions could not be written at the end", left.records)
        with suppress(OSError):
            if self._segment is not None:
                self._close_segment(self._segment)


def _tell(
    waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]],
    error: NotKeptError | None,
) -> None:
    """Wakes those who wait, once for each event loop."""
    for loop in {loop for loop, _ in waiting}:
        futures = [future for other, future in waiting if other is loop]
        with suppress(RuntimeError):  # it has ended
            loop.call_soon_threadsafe(_settle, futures, error)


def _settle(futures: list[asyncio.Future[None]], error: NotKeptError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
