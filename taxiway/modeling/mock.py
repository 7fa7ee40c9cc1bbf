"""Mock rows: few of them, from all of the region in which real ones lie, with its corners.

A model's mock.py says what each column is like. Every column is drawn by the inverse of its
distribution function at a number from 0 to 1, and the label at the rank of a mixture of the others:
so it can be learned, and no real row is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

CORNERS: Final = 3
"""The first rows: all columns at their lowest, at their highest, missing where they can be."""


@dataclass(frozen=True)
class Numbers:
    """Numbers between the first and the last of the quantiles, as many between each two."""

    quantiles: tuple[float, ...]
    missing: float = 0.0
    """Share of rows without a value."""
    whole: bool = False

    def at(self, place: Any) -> Any:
        """Values at places from 0 to 1, float64 or int64 [N]."""
        steps = np.linspace(0.0, 1.0, len(self.quantiles))
        values = np.interp(place, steps, self.quantiles)
        return np.round(values).astype(np.int64) if self.whole else values


@dataclass(frozen=True)
class Choices:
    """One of several values, each as often."""

    values: tuple[Any, ...]
    missing: float = 0.0

    def at(self, place: Any) -> Any:
        """Values at places from 0 to 1, object [N]."""
        number = np.minimum((place * len(self.values)).astype(int), len(self.values) - 1)
        return np.array(self.values, dtype=object)[number]


@dataclass(frozen=True)
class Lists:
    """Up to `most` of several values; with a separator as one text."""

    values: tuple[Any, ...]
    separator: str = ""
    most: int = 3
    missing: float = 0.0

    def at(self, place: Any) -> Any:
        """Lists, or texts, at places from 0 to 1, object [N]; near places begin alike."""
        count = len(self.values)
        found = np.empty(len(place), dtype=object)
        for row, one in enumerate(place):
            start = min(int(one * count), count - 1)
            length = 1 + int(one * count * self.most) % self.most
            values = [self.values[(start + step) % count] for step in range(min(length, count))]
            found[row] = self.separator.join(values) if self.separator else values
        return found


@dataclass(frozen=True)
class Moments:
    """Days or moments between two, written as the first one is."""

    first: str
    last: str
    missing: float = 0.0

    def at(self, place: Any) -> Any:
        """ISO 8601 at places from 0 to 1, object [N]."""
        size = len(self.first)
        start, end = (datetime.fromisoformat(one[:19]) for one in (self.first, self.last))
        seconds = (end - start).total_seconds()
        moments = [start + timedelta(seconds=round(seconds * float(one))) for one in place]
        separator = "T" if "T" in self.first else " "
        tail = self.first[19:]
        return np.array(
            [(one.isoformat(separator, "seconds") + tail)[:size] for one in moments], dtype=object
        )


@dataclass(frozen=True)
class Texts:
    """Sentences of some of these words."""

    words: tuple[str, ...]
    length: int = 8
    missing: float = 0.0

    def at(self, place: Any) -> Any:
        """Texts at places from 0 to 1, object [N]; near places have most words in common."""
        count = len(self.words)
        starts = (place * (count - 1)).astype(int)
        texts = [
            " ".join(self.words[(start + step) % count] for step in range(self.length))
            for start in starts
        ]
        return np.array(texts, dtype=object)


@dataclass(frozen=True)
class Keys:
    """A name of its own for each row: `<prefix>-<seed>-<row>`."""

    prefix: str = "row"


Values = Numbers | Choices | Lists | Moments | Texts | Keys


def mock_rows(
    columns: Mapping[str, Values], label: str | None, count: int, seed: int = 0
) -> pa.Table:
    """Rows with every column; the same seed makes the same rows.

    Args:
      columns: what each is like, in the order of the table.
      label: the one that follows from the others, except for noise; None where it is derived.
      count: of rows.
      seed: of all that is drawn.
    """
    random = np.random.default_rng(seed)
    inputs = [name for name in columns if name != label and not isinstance(columns[name], Keys)]
    places = {name: _with_corners(random.random(count)) for name in inputs}
    mixture = random.normal(0.0, 0.05, count)
    for number, name in enumerate(inputs):
        mixture += (places[name] - 0.5) / (1 + number)  # the first ones tell most
    places[label or ""] = (np.argsort(np.argsort(mixture)) + 0.5) / max(count, 1)
    arrays = []
    for name, values in columns.items():
        if isinstance(values, Keys):
            arrays.append(pa.array([f"{values.prefix}-{seed}-{row}" for row in range(count)]))
            continue
        mask = random.random(count) < values.missing
        if values.missing and count >= CORNERS:
            mask[CORNERS - 1] = True
        arrays.append(pa.array(values.at(places[name]), mask=mask))
    return pa.table(arrays, names=list(columns))


def _with_corners(places: Any) -> Any:
    places[: CORNERS - 1] = [0.0, 1.0][: len(places)]
    return places
