"""The graphs of numbers: scaled by what was learned of them, or cut into buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from taxiway.modeling.preprocessing.categories import one_hot
from taxiway.modeling.preprocessing.raw import Inputs, Outputs, number
from taxiway.modeling.spec import Bucketized, Numeric, Quantiles
from taxiway.modeling.spec.columns import indicator_name


@dataclass(frozen=True)
class Moments:
    """Values of a column, float64 [N]; of the known ones mean and deviation, float64 [] each."""

    values: tf.Tensor
    mean: tf.Tensor
    deviation: tf.Tensor


def learn_moments(values: Sequence[tf.Tensor]) -> list[Moments]:
    """Mean and deviation of the finite values of columns, float64 [N] each, found in one pass.

    An analyzer costs seconds on Beam however small its column, so there are three for all columns
    and not two for each. Sums are float64: their rounding is far below float32's.
    """
    if not values:
        return []
    value = tf.stack(list(values), axis=1)
    known = tf.math.is_finite(value)
    exact = tf.where(known, value, tf.zeros_like(value))
    count = tft.sum(tf.cast(known, tf.float64), reduce_instance_dims=False)
    mean = tf.math.divide_no_nan(tft.sum(exact, reduce_instance_dims=False), count)
    square = tf.math.divide_no_nan(tft.sum(exact * exact, reduce_instance_dims=False), count)
    deviation = tf.sqrt(tf.maximum(square - mean * mean, 0.0))
    parts = zip(values, tf.unstack(mean), tf.unstack(deviation), strict=True)
    return [Moments(*part) for part in parts]


def exact_number(column: Numeric, inputs: Inputs) -> tf.Tensor:
    """What is scaled: the number or its logarithm, float64 [N], NaN where missing."""
    return _curved(column, tf.cast(number(inputs[column.name]), tf.float64))


def scale(column: Numeric, _: Inputs, learned: Any) -> Outputs:
    """See `Numeric`."""
    value = learned.moments[column].values
    missing = tf.math.is_nan(value)
    middle, width = _middle_and_width(column, learned)
    known = clipped((value - middle, width), column.clip)
    if column.impute == "mean" and column.scale in ("standard", "log"):
        fill = tf.zeros_like(known)
    else:
        fill = clipped((_imputed(column, learned) - middle, width), column.clip)
    outputs = {column.transformed_name: tf.where(missing, fill, known)}
    if column.indicator:
        outputs[indicator_name(column)] = tf.cast(missing, tf.float32)
    return outputs


def clipped(ratio: tuple[tf.Tensor, tf.Tensor], clip: float) -> tf.Tensor:
    """A ratio of float64 as float32 within +-clip; 0 where it is of a width of 0."""
    scaled = tf.math.divide_no_nan(*ratio)
    return tf.clip_by_value(tf.cast(scaled, tf.float32), -clip, clip)


def cut(column: Bucketized, inputs: Inputs, _: Any) -> Outputs:
    """See `Bucketized`."""
    boundaries = tf.constant(column.boundaries, tf.float32)
    return _cut(column, boundaries, inputs)


def cut_evenly(column: Quantiles, inputs: Inputs, learned: Any) -> Outputs:
    """See `Quantiles`."""
    return _cut(column, learned.quantiles[column], inputs)


def _cut(column: Bucketized | Quantiles, boundaries: tf.Tensor, inputs: Inputs) -> Outputs:
    value = number(inputs[column.name])
    bucket = tf.searchsorted(boundaries, value, side="right", out_type=tf.int64)
    last = tf.fill(tf.shape(bucket), tf.constant(column.width - 1, tf.int64))
    index = tf.where(tf.math.is_nan(value), last, bucket)
    return {column.transformed_name: one_hot(index, column.width)}


def _curved(column: Numeric, value: tf.Tensor) -> tf.Tensor:
    if column.scale != "log":
        return value
    return tf.sign(value) * tf.math.log1p(tf.abs(value))


def _middle_and_width(column: Numeric, learned: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """What becomes 0, and what becomes 1 beyond it; float64 [] each."""
    moments = learned.moments[column]
    if column.scale == "none":
        return tf.zeros([], tf.float64), tf.ones([], tf.float64)
    if column.scale != "robust":
        return moments.mean, moments.deviation
    low, median, high = tf.unstack(tf.cast(learned.quantiles[column], tf.float64))
    width = tf.where(high > low, high - low, moments.deviation)
    return median, width


def _imputed(column: Numeric, learned: Any) -> tf.Tensor:
    """What stands for a missing value, float64 [], before it is scaled."""
    if column.impute == "mean":
        return learned.moments[column].mean
    if column.impute == "median":
        return _curved(column, tf.cast(learned.quantiles[column][1], tf.float64))
    return _curved(column, tf.constant(column.impute, tf.float64))
