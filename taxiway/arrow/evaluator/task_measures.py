"""What is summed of classes and of numbers: losses by class, confusions, moments, octaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from taxiway.arrow.evaluator.measures import Terms
from taxiway.arrow.evaluator.pairing import Array, Pairing, Rows, paired
from taxiway.errors import DataError
from taxiway.evaluation.formulas import OCTAVE_BUCKETS, log_loss, octaves

MOST_CLASSES: Final = 1 << 16
"""Sums of cells that are not there take no room; this keeps their numbers within an int64."""


@dataclass(frozen=True)
class LossByClass:
    """Weights and log losses by class; a probability alone is that of the second of two."""

    pairing: Pairing
    cells: int = MOST_CLASSES
    width: int = 2

    def terms(self, rows: Rows) -> Terms:
        """Weights and weighted losses.

        Raises:
          DataError: a label that is none of the classes.
        """
        pairs = paired(rows, self.pairing, flatten=False)
        p = pairs.predictions.astype(np.float64)
        if p.shape[1] == 1:
            yes = pairs.labels.astype(np.float64)
            shares = np.concatenate([1 - yes, yes], axis=1) * pairs.weights
            losses = shares * log_loss(np.concatenate([1 - p, p], axis=1))
            return Terms((shares, losses), np.broadcast_to(np.arange(2), shares.shape))
        of_class = class_ids(pairs.labels, p.shape[1])
        loss = log_loss(np.take_along_axis(p, of_class, axis=1))
        return Terms((pairs.weights, pairs.weights * loss), of_class)


@dataclass(frozen=True)
class Confusions:
    """Weights by threshold, actual class and predicted class, which is -1 where none is above."""

    pairing: Pairing
    thresholds: tuple[float, ...]
    width: int = 1

    @property
    def cells(self) -> int:
        """Of all thresholds."""
        return len(self.thresholds) * MOST_CLASSES**2

    def terms(self, rows: Rows) -> Terms:
        """One cell for each threshold.

        Raises:
          DataError: labels or answers that are not those of several classes.
        """
        pairs = paired(rows, self.pairing, flatten=False)
        classes = pairs.predictions.shape[1]
        if classes == 1:
            raise DataError(
                "a confusion matrix of several classes needs an answer for each, got one number",
                edit="evaluation.metrics",
            )
        actual = class_ids(pairs.labels, classes) + 1
        best = pairs.predictions.argmax(axis=1)[:, np.newaxis]
        highest = np.take_along_axis(pairs.predictions, best, axis=1)
        # TFMA goes through the thresholds in their order, and what is below one stays so.
        reached = highest > np.maximum.accumulate(np.array(self.thresholds))
        at = np.arange(len(self.thresholds)) * MOST_CLASSES
        cells = (at + actual) * MOST_CLASSES + np.where(reached, best + 1, 0)
        return Terms((np.broadcast_to(pairs.weights, cells.shape),), cells.astype(np.int64))


@dataclass(frozen=True)
class Moments:
    """Weights, labels y, predictions p, y^2, p^2, y p and (y - p)^2."""

    pairing: Pairing
    cells: int = 1
    width: int = 7

    def terms(self, rows: Rows) -> Terms:
        """All weighted."""
        pairs = paired(rows, self.pairing)
        y, p = pairs.labels.astype(np.float64), pairs.predictions.astype(np.float64)
        w = pairs.weights
        return Terms((w, w * y, w * p, w * y**2, w * p**2, w * y * p, w * (y - p) ** 2))


@dataclass(frozen=True)
class OctaveSums:
    """Labels, predictions and weights by `octaves` of the prediction or of the residual."""

    pairing: Pairing
    of: str
    cells: int = OCTAVE_BUCKETS
    width: int = 3

    def terms(self, rows: Rows) -> Terms:
        """All weighted."""
        pairs = paired(rows, self.pairing)
        y, p = pairs.labels.astype(np.float64), pairs.predictions.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            cells = octaves(p if self.of == "prediction" else y - p)
        return Terms((y * pairs.weights, p * pairs.weights, pairs.weights), cells)


def class_ids(labels: Array, classes: int) -> Array:
    """[N, 1] class numbers of labels that are such, or one-hot.

    Raises:
      DataError: a label that is none of the classes.
    """
    ids = labels.argmax(axis=1)[:, np.newaxis] if labels.shape[1] > 1 else labels.astype(np.int64)
    wrong = (ids < 0) | (ids >= min(classes, MOST_CLASSES - 1))
    if wrong.any():
        raise DataError(
            f"label {ids[wrong][0]} is none of the {classes} classes of the model",
            edit="the label column, or classes of the task",
        )
    return ids
