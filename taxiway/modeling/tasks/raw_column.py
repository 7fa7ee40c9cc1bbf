"""A raw column as tf.Transform hands it out, dense or sparse, made dense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def dense_column(
    value: Any, default: Any, convert: Callable[[tf.Tensor], tf.Tensor] = tf.identity
) -> tf.Tensor:
    """A raw column as [N], its values converted, and `default` where a row has none."""
    if isinstance(value, tf.SparseTensor):
        values = convert(value.values)
        rows = tf.SparseTensor(value.indices, values, [value.dense_shape[0], 1])
        value = tf.sparse.to_dense(rows, default_value=tf.cast(default, values.dtype))
    else:
        value = convert(value)
    return tf.reshape(value, [-1])
