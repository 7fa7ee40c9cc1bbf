"""The graph of free text: words, n-grams of them, and TF-IDF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import tensorflow as tf
import tensorflow_transform as tft

from taxiway.modeling.preprocessing.categories import count
from taxiway.modeling.preprocessing.raw import Inputs, Outputs, text
from taxiway.modeling.spec import Text

NO_WORD: Final = r"[^\pL\pM\pN]+"
"""Whatever is neither a letter, nor a mark on one, nor a digit; for RE2."""


def count_terms(column: Text, inputs: Inputs) -> tf.Tensor:
    """How often each row has each n-gram, float32 [N, width]."""
    value = text(inputs[column.name])
    lower = tf.strings.lower(value, encoding="utf-8")
    words = tf.strings.split(tf.strings.regex_replace(lower, NO_WORD, " "))
    shortest, longest = column.ngrams
    grams = [tf.strings.ngrams(words, n) for n in range(shortest, longest + 1)]
    terms = tf.concat(grams, axis=1)
    index, rows = _indices(column, terms.flat_values), terms.value_rowids()
    known = index >= 0
    return count(
        tf.boolean_mask(rows, known),
        tf.boolean_mask(index, known),
        tf.shape(value, out_type=tf.int64)[0],
        column.width,
    )


def learn_rarity(counts: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The inverse document frequencies of all texts in one analyzer, float32 [width] each."""
    if not counts:
        return []
    has = tf.concat([tf.cast(counted > 0, tf.int64) for counted in counts], axis=1)
    rows = tf.ones_like(has[:, :1])
    seen = tft.sum(tf.concat([rows, has], axis=1), reduce_instance_dims=False)
    total, seen = tf.cast(seen[0] + 1, tf.float64), tf.cast(seen[1:] + 1, tf.float64)
    rarity = tf.cast(tf.math.log(total / seen) + 1.0, tf.float32)
    return list(tf.split(rarity, [counted.shape[1] for counted in counts]))


def weigh(column: Text, _: Inputs, learned: Any) -> Outputs:
    """See `Text`."""
    weights = learned.counts[column] * learned.rarity[column]
    norm = tf.norm(weights, axis=1, keepdims=True)
    return {column.transformed_name: tf.math.divide_no_nan(weights, norm)}


def _indices(column: Text, terms: tf.Tensor) -> tf.Tensor:
    """Of n-grams, int64; below 0 for those that have no place."""
    if not column.max_vocabulary:
        return tf.strings.to_hash_bucket_fast(terms, column.buckets)
    vocabulary = tft.vocabulary(
        terms, top_k=column.max_vocabulary, vocab_filename=column.transformed_name
    )
    return tft.apply_vocabulary(terms, vocabulary, num_oov_buckets=column.buckets)
