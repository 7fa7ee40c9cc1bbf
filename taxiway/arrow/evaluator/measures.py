"""What is summed over rows: each measure turns a batch into numbers that add up.

A measure is the vectorized counterpart of one of TFMA's combiners. Its numbers are summed for each
slice and, where it has more than one, for each of its cells (the buckets of a histogram).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from taxiway.arrow.evaluator.pairing import (
    Array,
    Pairing,
    Pairs,
    Rows,
    one_hot,
    paired,
    row_weights,
)
from taxiway.errors import DataError

KERAS_EPSILON: Final = 1e-7
"""`keras.backend.epsilon()`: Keras keeps probabilities this far from 0 and 1."""
NEAR: Final = 1e-7
"""How far outside [0, 1] TFMA lets a label be."""


@dataclass(frozen=True)
class Terms:
    """The numbers of a batch of N rows, K of them a row; `cells` None is the only cell."""

    values: tuple[Array, ...]
    """Of [N, K] each."""
    cells: Array | None = None
    """[N, K]."""


class Measure(Protocol):
    """Something that is summed."""

    @property
    def cells(self) -> int:
        """How many sums there are in a slice."""
        ...

    @property
    def width(self) -> int:
        """How many numbers each sum has."""
        ...

    def terms(self, rows: Rows) -> Terms:
        """What a batch adds."""
        ...


@dataclass(frozen=True)
class Histogram:
    """Labels, predictions and weights by bucket of the prediction: `calibration_histogram`.

    Bucket 0 is below `left`, bucket `buckets` + 1 from `right` on.
    """

    pairing: Pairing
    buckets: int
    left: float
    right: float
    fractional: bool
    """Labels have to be within [0, 1]."""
    by_prediction: bool = True
    width: int = 3

    @property
    def cells(self) -> int:
        """Buckets, and the two outside."""
        return self.buckets + 2

    def terms(self, rows: Rows) -> Terms:
        """Sums of label, prediction and 1, weighted."""
        pairs = paired(rows, self.pairing)
        labels = _fractions(pairs.labels) if self.fractional else pairs.labels.astype(np.float64)
        predictions = pairs.predictions.astype(np.float64)
        where = predictions if self.by_prediction else labels
        if np.isnan(where).any():
            raise DataError(
                f"model '{self.pairing.model or 'candidate'}' answers NaN for "
                f"{int(np.isnan(where).any(axis=1).sum())} of {rows.count} rows",
                edit="the model's signature",
            )
        bucket = (where - self.left) / (self.right - self.left) * self.buckets + 1
        cells = np.clip(bucket, 0, self.buckets + 1).astype(np.int64)
        with np.errstate(invalid="ignore"):
            values = (labels * pairs.weights, predictions * pairs.weights, pairs.weights)
        return Terms(values, cells)


@dataclass(frozen=True)
class Crossed:
    """Positives and negatives by how many of the rising thresholds the prediction is above."""

    pairing: Pairing
    thresholds: tuple[float, ...]
    width: int = 2

    @property
    def cells(self) -> int:
        """One more than thresholds."""
        return len(self.thresholds) + 1

    def terms(self, rows: Rows) -> Terms:
        """Weights of positives and of negatives; a fractional label is some of both."""
        pairs = paired(rows, self.pairing)
        labels = _fractions(pairs.labels)
        predictions = pairs.predictions.astype(np.float64)
        above = np.searchsorted(np.array(self.thresholds), predictions, side="left")
        cells = np.where(np.isnan(predictions), 0, above).astype(np.int64)
        return Terms((labels * pairs.weights, (1 - labels) * pairs.weights), cells)


@dataclass(frozen=True)
class Totals:
    """Labels, predictions and weights, for calibration and means."""

    pairing: Pairing
    cells: int = 1
    width: int = 3

    def terms(self, rows: Rows) -> Terms:
        """Sums of label, prediction and 1, weighted."""
        pairs = paired(rows, self.pairing)
        return Terms(
            (
                pairs.labels.astype(np.float64) * pairs.weights,
                pairs.predictions.astype(np.float64) * pairs.weights,
                pairs.weights,
            )
        )


@dataclass(frozen=True)
class Count:
    """Rows, or their weights."""

    pairing: Pairing
    cells: int = 1
    width: int = 1

    def terms(self, rows: Rows) -> Terms:
        """The weight of each row."""
        return Terms((row_weights(rows, self.pairing)[:, np.newaxis],))


@dataclass(frozen=True)
class Mean:
    """A number a row and its weight; rows whose number is NaN are left out where `skip_nan`."""

    pairing: Pairing
    of: str
    """One of MEANS."""
    smoothing: float = 0.0
    skip_nan: bool = False
    cells: int = 1
    width: int = 2

    def terms(self, rows: Rows) -> Terms:
        """Weighted numbers, and weights."""
        kind = MEANS[self.of]
        pairs = paired(rows, self.pairing, flatten=kind.flatten)
        with np.errstate(all="ignore"):
            numbers = kind.of(pairs, self.smoothing).astype(np.float64)
        weights = np.broadcast_to(pairs.weights, numbers.shape)
        if self.skip_nan:
            weights = np.where(np.isnan(numbers), 0.0, weights)
            numbers = np.where(np.isnan(numbers), 0.0, numbers)
        with np.errstate(invalid="ignore"):
            return Terms((numbers * weights, weights))


@dataclass(frozen=True)
class MeanOf:
    """A formula, and whether it looks at one class at a time."""

    of: Callable[[Pairs, float], Any]
    flatten: bool = True


def _fractions(labels: Array) -> Array:
    """Labels as shares of positive.

    Raises:
      DataError: a label outside [0, 1].
    """
    shares = labels.astype(np.float64)
    wrong = ~((shares >= -NEAR) & (shares <= 1 + NEAR))
    if wrong.any():
        raise DataError(
            f"a label is {shares[wrong][0]:g}; metrics of a binary classifier need labels "
            "within [0, 1]",
            edit="the label column, or evaluation.metrics",
        )
    return shares


def _absolute(pairs: Pairs, _: float) -> Any:
    return np.abs(pairs.labels - pairs.predictions)


def _squared(pairs: Pairs, _: float) -> Any:
    return _absolute(pairs, 0).astype(np.float64) ** 2


def _percentage(pairs: Pairs, _: float) -> Any:
    """NaN where the label is 0, which leaves the row out."""
    share = np.abs((pairs.labels - pairs.predictions) / pairs.labels).astype(np.float64)
    return np.where(pairs.labels == 0, np.nan, 100 * share)


def _logarithmic(pairs: Pairs, _: float) -> Any:
    error = np.log(pairs.labels + 1) - np.log(pairs.predictions + 1)
    return np.abs(error).astype(np.float64) ** 2


def _binary_entropy(pairs: Pairs, smoothing: float) -> Any:
    """-(y log p + (1 - y) log(1 - p)), the mean over the numbers of a row."""
    labels = pairs.labels * (1.0 - smoothing) + 0.5 * smoothing
    p = pairs.predictions
    each = -np.multiply(labels, np.log(p)) - np.multiply(1 - labels, np.log(1 - p))
    return each.mean(axis=1, keepdims=True)


def _binary_entropy_of_logits(pairs: Pairs, smoothing: float) -> Any:
    """max(x, 0) - x y + log(1 + exp(-|x|))."""
    labels = pairs.labels * (1.0 - smoothing) + 0.5 * smoothing
    x = pairs.predictions
    each = np.maximum(x, 0) - np.multiply(x, labels) + np.log(1 + np.exp(-np.abs(x)))
    return each.mean(axis=1, keepdims=True)


def _categorical_entropy(pairs: Pairs, smoothing: float) -> Any:
    """-sum(y log p), p made to sum to 1 and its zeros left out."""
    p = pairs.predictions / pairs.predictions.sum(axis=1, keepdims=True)
    labels = pairs.labels * (1.0 - smoothing) + smoothing / p.shape[1]
    logs = np.where(p > 0, np.log(np.where(p > 0, p, 1)), 0)
    return -np.multiply(labels, logs).sum(axis=1, keepdims=True)


def _categorical_entropy_of_logits(pairs: Pairs, smoothing: float) -> Any:
    exp = np.exp(pairs.predictions)
    return _categorical_entropy(Pairs(pairs.labels, exp, pairs.weights), smoothing)


def _keras_entropy(pairs: Pairs, _: float) -> Any:
    """Keras' categorical_crossentropy: p made to sum to 1 and kept from 0 and 1."""
    p = pairs.predictions / pairs.predictions.sum(axis=1, keepdims=True)
    p = np.clip(p, KERAS_EPSILON, 1 - KERAS_EPSILON)
    return -(pairs.labels * np.log(p)).sum(axis=1, keepdims=True)


def _keras_sparse_entropy(pairs: Pairs, _: float) -> Any:
    """Keras' sparse_categorical_crossentropy: p kept from 0 and 1, then made to sum to 1."""
    p = np.clip(pairs.predictions, KERAS_EPSILON, 1 - KERAS_EPSILON)
    of_label = (one_hot(pairs.labels, p.shape[1]) * p).sum(axis=1, keepdims=True)
    return -np.log(of_label / p.sum(axis=1, keepdims=True))


def _hit(pairs: Pairs, _: float) -> Any:
    right = pairs.labels.argmax(axis=1) == pairs.predictions.argmax(axis=1)
    return right[:, np.newaxis]


def _sparse_hit(pairs: Pairs, _: float) -> Any:
    return pairs.labels[:, :1] == pairs.predictions.argmax(axis=1)[:, np.newaxis]


MEANS: Final[Mapping[str, MeanOf]] = {
    "absolute_error": MeanOf(_absolute),
    "squared_error": MeanOf(_squared),
    "percentage_error": MeanOf(_percentage),
    "logarithmic_error": MeanOf(_logarithmic),
    "binary_entropy": MeanOf(_binary_entropy, flatten=False),
    "binary_entropy_of_logits": MeanOf(_binary_entropy_of_logits, flatten=False),
    "categorical_entropy": MeanOf(_categorical_entropy, flatten=False),
    "categorical_entropy_of_logits": MeanOf(_categorical_entropy_of_logits, flatten=False),
    "keras_categorical_entropy": MeanOf(_keras_entropy, flatten=False),
    "keras_sparse_entropy": MeanOf(_keras_sparse_entropy, flatten=False),
    "categorical_hit": MeanOf(_hit, flatten=False),
    "sparse_hit": MeanOf(_sparse_hit, flatten=False),
}
"""Formulas of TFMA's mean_regression_error and cross_entropy_metrics, and of Keras' losses."""
