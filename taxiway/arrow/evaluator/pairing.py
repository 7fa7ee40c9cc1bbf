"""Labels, predictions and weights of a batch, paired as TFMA pairs them for one metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from taxiway.errors import DataError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """A batch of N rows: what each model answered, and what is known of the rows, by model."""

    count: int
    predictions: Mapping[str, Array]
    """[N] or [N, classes], in the model's own dtype."""
    labels: Mapping[str, Array | None]
    """[N, 1], or [N, classes] where labels are one-hot; None where the rows have none."""
    weights: Mapping[str, Array | None]
    """[N]."""


@dataclass(frozen=True)
class Pairing:
    """Which of a model's numbers a metric looks at: TFMA's SubKey and AggregationType."""

    model: str
    weighted: bool = False
    class_id: int | None = None
    k: int | None = None
    top_k: int | None = None
    aggregated: bool = False
    class_weights: tuple[tuple[int, float], ...] | None = None


@dataclass(frozen=True)
class Pairs:
    """[N, K] each, K being 1 for one number per row; where not flattened, labels may be [N, 1]."""

    labels: Array
    predictions: Array
    weights: Array


def paired(rows: Rows, pairing: Pairing, flatten: bool = True) -> Pairs:
    """What TFMA's `to_label_prediction_example_weight` yields row by row, for a whole batch.

    Raises:
      DataError: rows have no label, or labels that do not fit the predictions.
    """
    predictions = rows.predictions[pairing.model]
    if predictions.ndim == 1:
        predictions = predictions[:, np.newaxis]
    labels = _labels(rows, pairing)
    labels, predictions = _selected(labels, predictions, pairing)
    if labels.shape[1] not in (1, predictions.shape[1]):
        raise DataError(
            f"rows have {labels.shape[1]} labels and {predictions.shape[1]} predictions each, "
            "expected one label, or one for each prediction",
            edit="the label column, or the model's signature",
        )
    weights = row_weights(rows, pairing)[:, np.newaxis]
    if not flatten:
        return Pairs(labels, predictions, weights)
    if labels.shape != predictions.shape:
        labels = one_hot(labels, predictions.shape[1])
    weights = np.broadcast_to(weights, predictions.shape)
    if pairing.class_weights is not None:
        by_class = dict(pairing.class_weights)
        weights = weights * np.array([by_class.get(i, 0.0) for i in range(predictions.shape[1])])
    return Pairs(labels, predictions, weights)


def row_weights(rows: Rows, pairing: Pairing) -> Array:
    """[N]: the rows' own weights, or 1 where the metric is not weighted."""
    weights = rows.weights.get(pairing.model)
    if not pairing.weighted or weights is None:
        return np.ones(rows.count)
    return weights.astype(np.float64)


def one_hot(labels: Array, classes: int) -> Array:
    """[N, 1] class ids as [N, classes]; -1, an unknown class, is all zeros.

    Raises:
      DataError: an id that is none of the classes.
    """
    ids = labels.astype(np.int64)
    if labels.shape[1] != 1 or (ids < -1).any() or (ids >= classes).any():
        raise DataError(
            f"labels of shape {list(labels.shape)} between {labels.min()} and {labels.max()} do "
            f"not fit predictions of {classes} classes",
            edit="the label column, or the model's signature",
        )
    hot: Array = (ids == np.arange(classes)).astype(np.float64)
    return hot


def _labels(rows: Rows, pairing: Pairing) -> Array:
    labels = rows.labels[pairing.model]
    if labels is None:
        raise DataError("the rows to evaluate have no labels", edit="the label of the FeatureSpec")
    return labels


def _selected(labels: Array, predictions: Array, pairing: Pairing) -> tuple[Array, Array]:
    """The part that k, top_k and class_id choose, in TFMA's order and with its dtypes."""
    if pairing.k is not None:
        best = _best(predictions, pairing.k)[:, :1]
        return _taken(labels, predictions, best)
    if pairing.top_k is not None:
        best = _best(predictions, pairing.top_k)
        if pairing.aggregated:
            labels, predictions = _taken(labels, predictions, best)
        else:
            kept = np.full(predictions.shape, -np.inf)
            np.put_along_axis(kept, best, np.take_along_axis(predictions, best, axis=1), axis=1)
            predictions = kept
    if pairing.class_id is not None:
        return _of_class(labels, predictions, pairing.class_id)
    return labels, predictions


def _best(predictions: Array, count: int) -> Array:
    """Columns of the highest `count` predictions, in no order, but the lowest of them first."""
    if predictions.shape[1] < count:
        raise DataError(
            f"a metric looks at the {count} highest of only {predictions.shape[1]} predictions",
            edit="evaluation.metrics",
        )
    best: Array = np.argpartition(predictions, -count, axis=1)[:, -count:]
    return best


def _taken(labels: Array, predictions: Array, columns: Array) -> tuple[Array, Array]:
    if labels.shape != predictions.shape:
        labels = one_hot(labels, predictions.shape[1])
    return (
        np.take_along_axis(labels, columns, axis=1),
        np.take_along_axis(predictions, columns, axis=1),
    )


def _of_class(labels: Array, predictions: Array, class_id: int) -> tuple[Array, Array]:
    if class_id >= predictions.shape[1]:
        raise DataError(
            f"class_id {class_id} is none of the {predictions.shape[1]} classes of the model",
            edit="evaluation.metrics",
        )
    if labels.shape == predictions.shape:
        chosen = labels[:, class_id : class_id + 1]
    else:
        chosen = (labels == class_id).astype(np.int64)
    return chosen, predictions[:, class_id : class_id + 1]
