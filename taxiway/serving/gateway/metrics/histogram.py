"""A histogram that costs well under a microsecond to add to; for one thread that writes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

LATENCY_BOUNDS: Final = (
    *(0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.0075),
    *(0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Seconds: fine where a request of one row ends, coarse up to the longest deadline by default."""
ROWS_BOUNDS: Final = tuple(float(2**power) for power in range(15))
"""As TensorFlow Serving counts the examples of a request."""


class Histogram:
    """How often values fell between bounds.

    Args:
      bounds: upper ends of the buckets, ascending; one more bucket takes what is above them.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Adds a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def add(self, other: Histogram) -> None:
        """Adds all values of another with the same bounds."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    def since(self, earlier: Histogram) -> Histogram:
        """The values that came after a copy was made."""
        later = Histogram(self.bounds)
        pairs = zip(self.counts, earlier.counts, strict=True)
        later.counts = [now - then for now, then in pairs]
        later.total = self.total - earlier.total
        return later

    def copy(self) -> Histogram:
        """One that stays as it is."""
        made = Histogram(self.bounds)
        made.add(self)
        return made

    def quantile(self, share: float) -> float | None:
        """The value below which a share lies, as Prometheus' histogram_quantile estimates it.

        Args:
          share: between 0 and 1.

        Returns:
          Interpolated within its bucket; the last bound where it lies above all; None of no values.
        """
        wanted = share * self.count
        if not self.count:
            return None
        below = 0
        for index, count in enumerate(self.counts[:-1]):
            if count and below + count >= wanted:
                lower = self.bounds[index - 1] if index else 0.0
                return lower + (self.bounds[index] - lower) * (wanted - below) / count
            below += count
        return self.bounds[-1]

    def buckets(self, scale: float = 1.0) -> list[tuple[str, float]]:
        """Bounds and how many values are at most that, as Prometheus writes them.

        Args:
          scale: factor of the bounds, where they are told in another unit.
        """
        ends = [f"{bound * scale:.12g}" for bound in self.bounds]
        return list(zip([*ends, "+Inf"], map(float, accumulate(self.counts)), strict=True))
