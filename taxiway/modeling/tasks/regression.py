"""A number: one logit, which is the label in deviations from its mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from taxiway.modeling.names import REGRESS, VALUE
from taxiway.modeling.spec import Regression
from taxiway.modeling.tasks.kind import Array, Kind, LabelStatistics, Vocabulary
from taxiway.modeling.tasks.raw_column import dense_column


@dataclass(frozen=True)
class RegressionHead:
    """The logit itself, scaled back to the label's own unit.

    The network learns a label of mean 0 and deviation 1, so that its rates and penalties mean the
    same whatever the unit is.
    """

    mean: float
    deviation: float

    signature: ClassVar[str] = REGRESS
    method: ClassVar[str] = tf.saved_model.REGRESS_METHOD_NAME

    @property
    def classes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def initial_logit(self) -> float:
        """The mean."""
        return 0.0

    def loss(self) -> Any:
        """Mean squared error, in deviations."""
        return keras.losses.MeanSquaredError()

    def metric(self) -> Any:
        """Root of the mean squared error, in deviations."""
        return keras.metrics.RootMeanSquaredError(name="rmse")

    def targets(self, labels: Array) -> Array:
        """float32, in deviations from the mean."""
        scaled = (labels.astype(np.float64) - self.mean) / self.deviation
        return scaled.astype(np.float32)

    def class_weights(self, labels: Array) -> Array:
        """1."""
        return np.ones(len(labels), np.float32)

    def predicted(self, logits: Array) -> Array:
        """In the label's own unit."""
        found: Array = logits.reshape(-1) * self.deviation + self.mean
        return found

    def answers(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """The number, float32 [N]."""
        return {VALUE: tf.reshape(logits, [-1]) * self.deviation + self.mean}

    def served(self, answers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The number, [N]."""
        return {"outputs": answers[VALUE]}


def _transformed(_: Regression, raw: Any) -> tf.Tensor:
    return dense_column(raw, math.nan, lambda values: tf.cast(values, tf.float32))


def _classes(_: Regression, __: Vocabulary) -> tuple[str, ...]:
    return ()


def _numbered(_: Regression, __: Sequence[str], labels: tf.Tensor) -> tf.Tensor:
    return tf.cast(labels, tf.float32)


def _head(_: tuple[str, ...], labels: LabelStatistics, __: Any) -> RegressionHead:
    return RegressionHead(labels.mean, labels.deviation)


KIND = Kind(_transformed, _classes, _numbered, _head, expected="a finite number")
