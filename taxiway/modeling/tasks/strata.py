"""Rows by class while they are read: how many there are, and which are held out alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from taxiway.modeling.tasks.kind import Array, LabelStatistics


def class_of(labels: Array) -> Array:
    """The class of each label by number; labels that are numbers are all of one, 0."""
    return np.zeros(len(labels), np.int64) if labels.dtype.kind == "f" else labels


class Tally:
    """Rows and weights of each class, and the moments of labels that are numbers.

    Moments are merged block by block (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise
    Algorithm for Computing Sample Variances", 1979), which a large mean does not spoil.
    """

    def __init__(self, classes: int) -> None:
        self.rows = np.zeros(classes, np.int64)
        self._weights = np.zeros(classes, np.float64)
        self._mean = 0.0
        self._square = 0.0

    def add(self, labels: Array, weights: Array | None) -> None:
        """The next rows."""
        classes = class_of(labels)
        before = int(self.rows.sum())
        self.rows += np.bincount(classes, minlength=len(self.rows))
        exact = None if weights is None else weights.astype(np.float64)
        self._weights += np.bincount(classes, exact, minlength=len(self.rows))
        if labels.dtype.kind == "f" and len(labels):
            values = labels.astype(np.float64)
            mean = float(values.mean())
            whole = before + len(values)
            apart = mean - self._mean
            self._square += float(np.square(values - mean).sum())
            self._square += apart**2 * before * len(values) / whole
            self._mean += apart * len(values) / whole

    def statistics(self) -> LabelStatistics:
        """Of the rows so far; deviation is that of the population."""
        rows = tuple(int(count) for count in self.rows)
        weights = tuple(float(weight) for weight in self._weights)
        deviation = math.sqrt(self._square / max(1, sum(rows)))
        return LabelStatistics(rows, weights, self._mean, deviation)


class HoldOut:
    """Which rows are held out, block after block: as large a share of each class."""

    def __init__(self, fraction: float, random: Any, classes: int) -> None:
        self._fraction = fraction
        self._random = random
        self._seen = [0] * classes
        self._held = [0] * classes

    @property
    def count(self) -> int:
        """Rows held out so far."""
        return sum(self._held)

    def of(self, classes: Array) -> Array:
        """A mask of the held ones among the next rows, chosen at random."""
        mask = np.zeros(len(classes), dtype=bool)
        for value in range(len(self._seen)):
            index = np.flatnonzero(classes == value)
            if not len(index):
                continue
            self._seen[value] += len(index)
            wanted = max(1, round(self._seen[value] * self._fraction))
            count = min(len(index), wanted - self._held[value])
            mask[self._random.permutation(index)[:count]] = True
            self._held[value] += count
        return mask
