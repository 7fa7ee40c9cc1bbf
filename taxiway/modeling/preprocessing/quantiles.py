"""Quantiles of all columns in three analyzers: exact, and the same in whatever order rows come.

A float32 is found as one finds a word in a dictionary: count the rows by the first digit of the
number, see which digit the wanted row has, count the second digit of those rows only, and so on
(radix selection; Knuth, "The Art of Computer Programming", volume 3, sections 5.2.5 and 5.3.3).
With digits of 11, 11 and 10 bits that is three passes, whose sums of whole numbers are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import tensorflow as tf
import tensorflow_transform as tft

DIGITS: Final = ((21, 11), (10, 11), (0, 10))
"""Where each digit begins in a number of 32 bits, and how long it is."""
SIGN: Final = 1 << 31
ROUNDING: Final = 1e-12


def learn_quantiles(
    values: Sequence[tf.Tensor], fractions: Sequence[Sequence[float]]
) -> list[tf.Tensor]:
    """The smallest value that is no less than a fraction of the values, for each fraction.

    NumPy's method `inverted_cdf`. Values that are not finite do not count; a column without any
    other has quantiles of 0.

    Args:
      values: float32 [N] each.
      fractions: for each of them, those wanted.

    Returns:
      For each of the values float32 [number of its fractions].
    """
    sizes = [len(wanted) for wanted in fractions]
    if not sum(sizes):
        return [tf.zeros([0], tf.float32) for _ in sizes]
    owner = [column for column, size in enumerate(sizes) for _ in range(size)]
    wanted = tf.constant([one for some in fractions for one in some], tf.float64)
    matrix = tf.gather(tf.stack(list(values), axis=1), owner, axis=1)
    key = _in_order(matrix)
    alive = tf.math.is_finite(matrix)
    found = tf.zeros([len(owner)], tf.int64)
    rank = total = None
    for start, bits in DIGITS:
        digit = tf.bitwise.right_shift(key, tf.constant(start, tf.int64)) % (1 << bits)
        counts = tft.sum(
            _histogram(digit, alive, 1 << bits), reduce_instance_dims=False, name=f"digit_{start}"
        )
        if rank is None:
            total = tf.reduce_sum(counts, axis=1)
            exact = wanted * tf.cast(total, tf.float64) * (1.0 - ROUNDING)
            rank = tf.maximum(tf.cast(tf.math.ceil(exact), tf.int64), 1)
        upto = tf.cumsum(counts, axis=1)
        before = tf.cast(upto < rank[:, tf.newaxis], tf.int64)
        place = tf.minimum(tf.reduce_sum(before, axis=1), (1 << bits) - 1)
        rank -= tf.reduce_sum(before * counts, axis=1)
        alive &= tf.equal(digit, place)
        found += place * (1 << start)
    quantiles = tf.where(tf.equal(total, 0), tf.zeros_like(wanted, tf.float32), _number(found))
    return list(tf.split(quantiles, sizes))


def _in_order(values: tf.Tensor) -> tf.Tensor:
    """Whole numbers, int64 from 0 to 2**32 - 1, that are in the order of the float32 values."""
    bits = tf.cast(tf.bitcast(values, tf.int32), tf.int64)
    return SIGN + tf.where(bits < 0, -(bits + SIGN), bits)


def _number(key: tf.Tensor) -> tf.Tensor:
    """The float32 that has the place."""
    size = tf.bitcast(tf.cast(tf.abs(key - SIGN), tf.int32), tf.float32)
    return tf.where(key < SIGN, -size, size)


def _histogram(digit: tf.Tensor, alive: tf.Tensor, size: int) -> tf.Tensor:
    """How many rows have each digit, int64 [1, T, size], for digits [N, T]."""
    targets = digit.shape[1]
    flat = digit + size * tf.range(targets, dtype=tf.int64)
    counted = tf.math.bincount(
        tf.cast(tf.boolean_mask(flat, alive), tf.int32),
        minlength=targets * size,
        maxlength=targets * size,
        dtype=tf.int64,
    )
    return tf.reshape(counted, [1, targets, size])
