"""Raw columns as preprocessing reads them, however the schema has them parsed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from taxiway.modeling.tasks.raw_column import dense_column

Inputs = Mapping[str, Any]
"""Raw columns by name: a SparseTensor, or a dense tensor where the schema gives a shape."""
Outputs = dict[str, tf.Tensor]


def number(value: Any) -> tf.Tensor:
    """A raw number as float32 [N], NaN where missing."""
    return dense_column(value, math.nan, lambda values: tf.cast(values, tf.float32))


def text(value: Any) -> tf.Tensor:
    """Strings [N], "" where missing; whole numbers become their digits."""
    return dense_column(value, "", _as_text)


def texts(value: Any, separator: str) -> tuple[tf.Tensor, tf.Tensor]:
    """All strings of all rows that are not empty, and the row of each, int64: [M] both.

    Args:
      value: a raw column with any number of values in a row.
      separator: between the texts that one value holds; "" where it holds one.
    """
    if separator:
        parts = tf.strings.split(text(value), separator)
        rows, found = parts.value_rowids(), tf.strings.strip(parts.flat_values)
    else:
        value = _strings(value)
        if not isinstance(value, tf.SparseTensor):
            value = tf.reshape(value, [tf.shape(value)[0], -1])
            value = tf.sparse.from_dense(value)
        rows, found = value.indices[:, 0], value.values
    some = tf.not_equal(found, "")
    return tf.boolean_mask(found, some), tf.boolean_mask(rows, some)


def row_count(value: Any) -> tf.Tensor:
    """How many rows there are, int64."""
    if isinstance(value, tf.SparseTensor):
        return value.dense_shape[0]
    return tf.shape(value, out_type=tf.int64)[0]


def _strings(value: Any) -> Any:
    if isinstance(value, tf.SparseTensor):
        return value.with_values(_as_text(value.values))
    return _as_text(value)


def _as_text(values: tf.Tensor) -> tf.Tensor:
    return values if values.dtype == tf.string else tf.strings.as_string(values)
