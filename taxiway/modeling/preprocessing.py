"""The generic preprocessing_fn: a FeatureSpec in, tf.Transform's analyzers and graph out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from taxiway.modeling.spec import Bucketized, Categorical, FeatureSpec, Numeric, load_spec
from taxiway.modeling.spec.column_names import stem
from taxiway.modeling.spec.columns import indicator_name, transformed_name
from taxiway.modeling.tasks import kind_of
from taxiway.modeling.tasks.raw_column import dense_column


def preprocessing_fn(
    inputs: Mapping[str, Any], custom_config: Mapping[str, Any]
) -> dict[str, tf.Tensor]:
    """Transform's entry point; `custom_config["module"]` names the model's folder."""
    return transform(load_spec(custom_config["module"]), inputs)


def transform(spec: FeatureSpec, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Turns raw columns into what the network reads; N is the number of rows.

    Returns:
      For a numeric column float32 [N] (and its indicator, float32 [N]); for a categorical one
      float32 [N, width] one-hot, or int64 [N] for an embedding; for a bucketized one float32
      [N, width] one-hot; for the label what its task makes of it, [N] (see taxiway/modeling/tasks);
      for the weight float32 [N], NaN where a row has none.
    """
    label = kind_of(spec.task).transformed(spec.task, inputs[spec.label])
    outputs: dict[str, tf.Tensor] = {spec.label: label}
    if spec.weight:
        outputs[spec.weight] = _number(inputs[spec.weight])
    numeric = [column for column in spec.columns if isinstance(column, Numeric)]
    outputs |= _scale(numeric, [_number(inputs[column.name]) for column in numeric])
    for column in spec.columns:
        if isinstance(column, Categorical):
            outputs[transformed_name(column)] = _look_up(column, inputs[column.name])
        elif isinstance(column, Bucketized):
            outputs[transformed_name(column)] = _cut(column, _number(inputs[column.name]))
    return outputs


def _number(value: Any) -> tf.Tensor:
    """A raw number as float32 [N], NaN where missing."""
    return dense_column(value, math.nan, lambda values: tf.cast(values, tf.float32))


def _scale(columns: Sequence[Numeric], values: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
    """Scales all numeric columns by the moments of their known values, found in one pass.

    An analyzer costs seconds on Beam however small its column, so there are three for all columns
    and not two for each. Sums are float64: their rounding is far below float32's.
    """
    if not columns:
        return {}
    value = tf.stack(list(values), axis=1)
    known = tf.math.is_finite(value)
    exact = tf.where(known, tf.cast(value, tf.float64), tf.zeros_like(value, tf.float64))
    count = tft.sum(tf.cast(known, tf.float64), reduce_instance_dims=False)
    mean = tf.math.divide_no_nan(tft.sum(exact, reduce_instance_dims=False), count)
    square = tf.math.divide_no_nan(tft.sum(exact * exact, reduce_instance_dims=False), count)
    deviation = tf.sqrt(tf.maximum(square - mean * mean, 0.0))
    scaled = tf.math.divide_no_nan(tf.cast(value, tf.float64) - mean, deviation)
    missing = tf.math.is_nan(value)
    outputs = {}
    for index, column in enumerate(columns):
        clipped = tf.clip_by_value(tf.cast(scaled[:, index], tf.float32), -column.clip, column.clip)
        gone = missing[:, index]
        outputs[transformed_name(column)] = tf.where(gone, tf.zeros_like(clipped), clipped)
        if column.indicator:
            outputs[indicator_name(column)] = tf.cast(gone, tf.float32)
    return outputs


def _look_up(column: Categorical, value: Any) -> tf.Tensor:
    text = dense_column(value, "")
    missing = tf.equal(text, "")
    vocabulary = tft.vocabulary(
        tf.boolean_mask(text, tf.logical_not(missing)),
        top_k=column.max_vocabulary,
        vocab_filename=stem(column.name),
    )
    index = tft.apply_vocabulary(text, vocabulary, num_oov_buckets=column.oov_buckets)
    index = tf.where(missing, tf.zeros_like(index), index + 1)
    if column.encoding == "embedding":
        return index
    return _one_hot(index, column.width)


def _cut(column: Bucketized, value: tf.Tensor) -> tf.Tensor:
    boundaries = tf.constant(column.boundaries, tf.float32)
    bucket = tf.searchsorted(boundaries, value, side="right", out_type=tf.int64)
    last = tf.fill(tf.shape(bucket), tf.constant(column.width - 1, tf.int64))
    return _one_hot(tf.where(tf.math.is_nan(value), last, bucket), column.width)


def _one_hot(index: tf.Tensor, width: int) -> tf.Tensor:
    return tf.reshape(tf.one_hot(index, width, dtype=tf.float32), [-1, width])
