"""Yes or no: one logit, and the probability of yes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from taxiway.modeling.names import CLASSIFY, PROBABILITY
from taxiway.modeling.spec import Binary
from taxiway.modeling.tasks.kind import NO_LABEL, Array, Kind, LabelStatistics, Vocabulary
from taxiway.modeling.tasks.raw_column import dense_column


@dataclass(frozen=True)
class BinaryHead:
    """A sigmoid.

    The smaller class is mostly the positive one, so each positive row weighs `positive_weight`
    times. That multiplies the odds the network learns by the weight; subtracting its logarithm from
    the logit gives the true odds back, and so probabilities stay calibrated (Elkan, "The
    Foundations of Cost-Sensitive Learning", IJCAI 2001, theorem 2).
    """

    classes: tuple[str, ...]
    positive_rate: float
    positive_weight: float

    signature: ClassVar[str] = CLASSIFY
    method: ClassVar[str] = tf.saved_model.CLASSIFY_METHOD_NAME

    @property
    def initial_logit(self) -> float:
        """Of the weighted base rate."""
        rate = self.positive_rate
        return math.log(self.positive_weight * rate / (1.0 - rate))

    @property
    def logit_shift(self) -> float:
        """Added to the logit; undoes the weight."""
        return -math.log(self.positive_weight)

    def loss(self) -> Any:
        """Cross entropy."""
        return keras.losses.BinaryCrossentropy(from_logits=True)

    def metric(self) -> Any:
        """AUC."""
        return keras.metrics.AUC(name="auc", from_logits=True)

    def targets(self, labels: Array) -> Array:
        """0 or 1."""
        return labels.astype(np.int64)

    def class_weights(self, labels: Array) -> Array:
        """`positive_weight` or 1."""
        return np.where(labels == 1, self.positive_weight, 1.0).astype(np.float32)

    def predicted(self, logits: Array) -> Array:
        """1 where the weighted odds are for it."""
        return (logits.reshape(-1) > 0.0).astype(np.int64)

    def answers(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """The probability of yes, float32 [N]."""
        return {PROBABILITY: tf.reshape(tf.sigmoid(logits + self.logit_shift), [-1])}

    def served(self, answers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Both classes and their probabilities, [N, 2] each."""
        probability = answers[PROBABILITY]
        scores = tf.stack([1.0 - probability, probability], axis=1)
        names = tf.constant([self.classes])
        return {"classes": tf.tile(names, [tf.shape(scores)[0], 1]), "scores": scores}


def positive_weight(hyperparameters: Any, positive_rate: float) -> float:
    """How much a positive row weighs; `balanced` gives both classes the same total weight."""
    if hyperparameters.positive_weight == "balanced":
        return max(1.0, (1.0 - positive_rate) / positive_rate)
    return float(hyperparameters.positive_weight)


def _transformed(task: Binary, raw: Any) -> tf.Tensor:
    """A number as it is, float32 or int64; compared with the positive value, where there is one."""
    if task.positive is None:
        column = dense_column(raw, NO_LABEL)
        return column if column.dtype.is_floating else tf.cast(column, tf.int64)
    whole = raw.dtype.is_integer  # whose positive value is whole too, see Binary.label_kinds
    positive = tf.constant(int(task.positive) if whole else task.positive, raw.dtype)
    number = dense_column(raw, NO_LABEL, lambda values: _compared(values, positive))
    return tf.ensure_shape(number, [None])


def _compared(values: tf.Tensor, positive: tf.Tensor) -> tf.Tensor:
    """int64: 1 where they are equal, 0 where not, NO_LABEL where a value stands for none."""
    number = tf.cast(tf.equal(values, positive), tf.int64)
    if values.dtype == tf.string:
        missing = tf.equal(values, "")
    elif values.dtype.is_floating:
        missing = tf.math.is_nan(values)
    else:
        return number
    return tf.where(missing, tf.constant(NO_LABEL, tf.int64), number)


def _classes(task: Binary, _: Vocabulary) -> tuple[str, ...]:
    return ("0", "1") if task.positive is None else (f"not {task.positive}", str(task.positive))


def _numbered(_: Binary, __: Sequence[str], labels: tf.Tensor) -> tf.Tensor:
    known = tf.equal(labels, 0) | tf.equal(labels, 1)
    return tf.where(known, tf.cast(labels, tf.int64), tf.constant(NO_LABEL, tf.int64))


def _head(classes: tuple[str, ...], labels: LabelStatistics, hyperparameters: Any) -> BinaryHead:
    rate = labels.weights[1] / sum(labels.weights)
    return BinaryHead(classes, rate, positive_weight(hyperparameters, rate))


KIND = Kind(_transformed, _classes, _numbered, _head, expected="0 or 1")
