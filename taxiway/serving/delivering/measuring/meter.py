"""What this gateway measures of each version; on the hot path, so it only adds.

Sums go on for as long as the gateway lives: what is written of them takes the place of what was
written before, so that nothing counts twice, and what could not be written is there the next time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

from taxiway.delivery.evidence.measured import Measured, Moments, latency_bucket
from taxiway.delivery.evidence.records import Of, Segment
from taxiway.serving.delivering.measuring.scores import add_scores, scores_of
from taxiway.serving.requests.ask import Arrays

QUIET_SECONDS: Final = 10.0
"""Between two times that sums are written of a model by which nothing is decided now."""
MOST_CELLS: Final = 1_000
"""Of all models; with more, those that are longest without anything are forgotten."""

Where = tuple[str, int, str, Segment]
"""Model, revision of the route, version, and which requests."""


class Sums(NamedTuple):
    """Sums to be written.

    Args:
      life: one more than of the sums of the same that were forgotten; those stay beside them.
      of: whose they are.
      measured: all since they began.
    """

    life: int
    of: Of
    measured: Measured


class _Cell:
    """Sums, and whether they are as they were written."""

    __slots__ = ("changed", "changed_at", "life", "measured")

    def __init__(self, life: int, at: float) -> None:
        self.life = life
        self.measured = Measured()
        self.changed = True
        self.changed_at = at


class Meter:
    """Sums by model, revision, version and segment. For one event loop.

    Args:
      environment: of the gateway's routes.
      kept_seconds: for which sums are kept to which nothing is added.
      clock: seconds; tests bring their own.
    """

    def __init__(
        self,
        environment: str,
        kept_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = environment
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._cells: dict[Where, _Cell] = {}
        self._lives = 0

    def answered(self, where: Where, outputs: Arrays, rows: int, seconds: float) -> None:
        """A version has answered a request.

        Args:
          where: whose request it was.
          outputs: of the model.
          rows: of the request.
          seconds: from when it came to when its answer was there.
        """
        cell = self._cells.get(where) or self._cell(where)
        cell.changed = True
        measured = cell.measured
        measured.requests += 1
        measured.rows += rows
        bucket = latency_bucket(seconds)
        measured.latency[bucket] = measured.latency.get(bucket, 0) + 1
        scores = scores_of(outputs)
        if scores is not None:
            measured.nan_rows += add_scores(scores, measured.scores)

    def failed(self, where: Where, rows: int = 0, nan_rows: int = 0) -> None:
        """A version has not answered a request that was to go to it, whether another then did.

        Args:
          where: whose request it was.
          rows: that it answered all the same, some of them with no finite number.
          nan_rows: those.
        """
        cell = self._cells.get(where) or self._cell(where)
        cell.changed = True
        measured = cell.measured
        measured.requests += 1
        measured.errors += 1
        measured.rows += rows
        measured.nan_rows += nan_rows

    def rewarded(self, where: Where, name: str, value: float, before: float | None = None) -> None:
        """What came of a request is known.

        Args:
          where: whose request it was.
          name: of the reward.
          value: of it.
          before: what it was said to be until now, which is taken back; None for nothing.
        """
        cell = self._cells.get(where) or self._cell(where)
        cell.changed = True
        moments = cell.measured.rewards.setdefault(name, Moments())
        if before is not None:
            moments.add(before, times=-1)
        moments.add(value)

    def add(self, where: Where, measured: Measured) -> None:
        """What was measured of a request elsewhere.

        Args:
          where: whose request it was.
          measured: of it.
        """
        cell = self._cells.get(where) or self._cell(where)
        cell.changed = True
        cell.measured = cell.measured + measured

    def changed(self, hurried: Collection[str] | None = None) -> list[Sums]:
        """Copies of the sums that are not as they were written; see `not_written`.

        Args:
          hurried: models of which they are wanted whenever they change; of others now and then.
            None for all.
        """
        now = self._clock()
        found = []
        for where, cell in self._cells.items():
            waits = hurried is not None and where[0] not in hurried
            if cell.changed and not (waits and now - cell.changed_at < QUIET_SECONDS):
                cell.changed, cell.changed_at = False, now
                model, revision, version, segment = where
                of = Of(model, self._environment, revision, version, segment)
                found.append(Sums(cell.life, of, cell.measured + Measured()))
        self._forget(now)
        return found

    def not_written(self, found: Iterable[Sums]) -> None:
        """Has what `changed` gave be given again, as it could not be written."""
        for _, of, _ in found:
            cell = self._cells.get((of.model, of.revision, of.version, of.segment))
            if cell is not None:
                cell.changed = True

    def _cell(self, where: Where) -> _Cell:
        return self._cells.setdefault(where, _Cell(self._lives, self._clock()))

    def _forget(self, now: float) -> None:
        gone = [
            key for key, one in self._cells.items() if now - one.changed_at > self._kept_seconds
        ]
        if len(self._cells) - len(gone) > MOST_CELLS:
            by_age = sorted(self._cells, key=lambda key: self._cells[key].changed_at)
            gone = by_age[: len(self._cells) - MOST_CELLS]
        for key in gone:
            del self._cells[key]
        self._lives += bool(gone)
