"""What answers for a version, watched: how much it has to do, and whether it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.events import happens
from taxiway.serving.requests.ask import Arrays, Signature

_FORGETS: Final = 0.98
"""What a row that was answered counts when the next one is: about the last 50 are looked at."""
_MOSTLY: Final = 0.5
_FEWEST: Final = 20.0
"""Rows that have to be known before they say anything."""
_QUIET_SECONDS: Final = 0.05
"""After which no more comes: batches of what waits follow one another at once."""


class Watched:
    """A `LoadedVersion` that hands everything on, and tells when it fails.

    Args:
      inner: what answers.
      failing: called with why, once, when it is lost or its answers are mostly NaN.
    """

    def __init__(self, inner: LoadedVersion, failing: Callable[[str], None]) -> None:
        self.in_flight = 0
        """Requests that are being answered."""
        self.asked_at = time.monotonic()
        """When a request last came or was answered."""
        self.signatures: Mapping[str, Signature] = inner.signatures
        self._inner = inner
        self._failing = failing
        self._told = False
        self._rows = self._nan_rows = 0.0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def pid(self) -> int | None:
        """Of the process that has the model."""
        return self._inner.pid

    @property
    def memory_bytes(self) -> int | None:
        """Resident memory of that process."""
        return self._inner.memory_bytes

    @property
    def lost(self) -> str:
        """Why it answers no more; empty while it does."""
        return self._inner.lost

    async def predict_columns(
        self, columns: Mapping[str, Sequence[Any]], deadline: float
    ) -> Arrays:
        """As `LoadedVersion` has it."""
        self._begin()
        try:
            answer = await self._inner.predict_columns(columns, deadline)
        finally:
            self._end()
        self._look_at(answer)
        return answer

    async def predict_examples(self, examples: Sequence[bytes], deadline: float) -> Arrays:
        """As `LoadedVersion` has it."""
        self._begin()
        try:
            answer = await self._inner.predict_examples(examples, deadline)
        finally:
            self._end()
        self._look_at(answer)
        return answer

    async def close(self) -> None:
        """Ends it, whatever it is doing."""
        self._told = True
        await self._inner.close()

    async def idle(self, seconds: float) -> None:
        """Waits until no request is being answered or about to be, so long at most."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            await happens(self._idle, left)
            before = self.asked_at
            await asyncio.sleep(min(left, _QUIET_SECONDS))
            if not self.in_flight and self.asked_at == before:
                return

    def look(self) -> None:
        """Tells if it was lost while nobody asked, or does not run."""
        if self._inner.lost:
            self._fail(self._inner.lost)
        elif self.pid is not None and _is_stopped(self.pid):
            self._fail(f"process {self.pid} was stopped")

    def _begin(self) -> None:
        self.in_flight += 1
        self._idle.clear()
        self.asked_at = time.monotonic()

    def _end(self) -> None:
        self.in_flight -= 1
        self.asked_at = time.monotonic()
        if not self.in_flight:
            self._idle.set()
        if self._inner.lost:
            self._fail(self._inner.lost)

    def _look_at(self, answer: Arrays) -> None:
        """Counts rows that are NaN; the sum of an array is NaN if any of it is."""
        rows = nan_rows = 0
        for output in answer.values():
            if output.dtype.kind != "f":
                continue
            rows = max(rows, len(output))
            total = output.sum()
            if total != total:
                by_row = output.reshape(len(output), -1)
                nan_rows = max(nan_rows, int((by_row != by_row).any(axis=1).sum()))
        kept = _FORGETS**rows
        self._rows = self._rows * kept + rows
        self._nan_rows = self._nan_rows * kept + nan_rows
        if self._rows >= _FEWEST and self._nan_rows > _MOSTLY * self._rows:
            self._fail(f"{self._nan_rows / self._rows:.0%} of its newest answers are NaN")

    def _fail(self, why: str) -> None:
        if not self._told:
            self._told = True
            self._failing(why)


def _is_stopped(pid: int) -> bool:
    """Whether a signal has stopped a process, so that it would let every request time out."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in "Tt"
