"""The graphs of categories: vocabularies, one-hot and multi-hot, crosses."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from taxiway.modeling.preprocessing.raw import Inputs, Outputs, row_count, text, texts
from taxiway.modeling.spec import Categorical, Crossed, Multivalent
from taxiway.modeling.spec.column_names import stem

BETWEEN = "\x1f"
"""Of the values of a cross: the character of Unicode that separates units."""


def look_up(column: Categorical, inputs: Inputs, _: Any) -> Outputs:
    """See `Categorical`."""
    value = text(inputs[column.name])
    missing = tf.equal(value, "")
    vocabulary = tft.vocabulary(
        tf.boolean_mask(value, tf.logical_not(missing)),
        top_k=column.max_vocabulary,
        vocab_filename=stem(column.name),
    )
    index = tft.apply_vocabulary(value, vocabulary, num_oov_buckets=column.oov_buckets)
    index = tf.where(missing, tf.zeros_like(index), index + 1)
    return {column.transformed_name: _encoded(column, index)}


def look_up_many(column: Multivalent, inputs: Inputs, _: Any) -> Outputs:
    """See `Multivalent`."""
    raw = inputs[column.name]
    values, rows = texts(raw, column.separator)
    vocabulary = tft.vocabulary(
        values, top_k=column.max_vocabulary, vocab_filename=column.transformed_name
    )
    index = tft.apply_vocabulary(values, vocabulary, num_oov_buckets=column.oov_buckets) + 1
    # Index 0 is of values that have no place, and at the end of rows that have nothing else.
    hot = tf.minimum(count(rows, index, row_count(raw), column.width), 1.0)[:, 1:]
    size = tf.reduce_sum(hot, axis=1, keepdims=True)
    hot = tf.concat([tf.cast(tf.equal(size, 0.0), tf.float32), hot], axis=1)
    if column.encoding == "embedding":
        hot /= tf.maximum(size, 1.0)
    return {column.transformed_name: hot}


def cross(column: Crossed, inputs: Inputs, _: Any) -> Outputs:
    """See `Crossed`."""
    values = [text(inputs[name]) for name in column.names]
    missing = tf.reduce_any(tf.stack([tf.equal(value, "") for value in values]), axis=0)
    joined = tf.strings.join(values, separator=BETWEEN)
    index = tf.strings.to_hash_bucket_fast(joined, column.buckets)
    index = tf.where(missing, tf.zeros_like(index), index + 1)
    return {column.transformed_name: _encoded(column, index)}


def one_hot(index: tf.Tensor, width: int) -> tf.Tensor:
    """Indices [N] as float32 [N, width]."""
    return tf.reshape(tf.one_hot(index, width, dtype=tf.float32), [-1, width])


def count(rows: tf.Tensor, index: tf.Tensor, size: tf.Tensor, width: int) -> tf.Tensor:
    """How often each row has each index, float32 [size, width]; of M values are row and index."""
    where = tf.stack([rows, index], axis=1)
    ones = tf.ones_like(rows, tf.float32)
    counted = tf.scatter_nd(where, ones, tf.stack([size, tf.constant(width, tf.int64)]))
    return tf.reshape(counted, [-1, width])


def _encoded(column: Categorical | Crossed, index: tf.Tensor) -> tf.Tensor:
    return index if column.encoding == "embedding" else one_hot(index, column.width)
