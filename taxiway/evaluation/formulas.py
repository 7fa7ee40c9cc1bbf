"""Formulas of the metrics that TFMA has not, in numpy alone: for TFMA's combiners and for sums."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
EPSILON: Final = 1e-7
"""How far probabilities are kept from 0 and 1 before their logarithm is taken, as Keras does."""
DIGITS: Final = 6
"""Binary digits after the first that numbers of the same octave bucket share."""
OCTAVE_BUCKETS: Final = 1 << (9 + DIGITS)
"""As many as there are signs, exponents and leading digits of a float32."""


def log_loss(probabilities: Array) -> Array:
    """-log of the probability that was given to what came true."""
    p = np.clip(probabilities.astype(np.float64), EPSILON, 1 - EPSILON)
    loss: Array = -np.log(p)
    return loss


def d2_log_loss(weights: Array, losses: Array) -> float:
    """The share of the best constant's log loss that a model takes away.

    1 - L(model) / L(constant), where the constant answers with the share of each class, as
    scikit-learn's d2_log_loss_score. 1 is best, 0 is the constant, below 0 is worse than it.

    Args:
      weights: [K], of the rows of each class.
      losses: [K], weighted sums of `log_loss` over the rows of each class.

    Returns:
      NaN where all rows are of one class, of which a constant has no loss.
    """
    weights, losses = weights[weights > 0], losses[weights > 0]
    if len(weights) < 2:
        return float("nan")
    entropy = -(weights * np.log(weights / weights.sum())).sum()
    return float(1 - losses.sum() / entropy)


def r2(weight: float, labels: float, squares: float, errors: float) -> float:
    """The share of the labels' variance that a model explains; 0 is that of their mean.

    Args:
      weight: of all rows.
      labels: weighted sum of the labels.
      squares: that of their squares.
      errors: that of the squares of label minus prediction.

    Returns:
      NaN where all labels are the same, as far as sums of floats can tell.
    """
    if weight <= 0:
        return float("nan")
    spread = squares - labels**2 / weight
    return 1 - errors / spread if spread > abs(squares) * 1e-12 else float("nan")


def octaves(numbers: Array) -> Array:
    """The bucket of each number, rising with it: its sign, exponent and leading binary digits.

    Buckets are 0.8 % to 1.6 % of the number wide, wherever numbers lie, so that a histogram needs
    to know no bounds.
    """
    bits = numbers.astype(np.float32).view(np.int32) >> (23 - DIGITS)
    half = OCTAVE_BUCKETS // 2
    # An exponent grows with the size of the number: turned round where it is negative.
    return np.where(bits >= 0, bits + half, -1 - bits).astype(np.int64)


def octave_edges(bucket: int) -> tuple[float, float]:
    """The numbers between which a bucket lies."""
    half = OCTAVE_BUCKETS // 2
    at = bucket - half if bucket >= half else half - 1 - bucket
    low, high = (_float(step << (23 - DIGITS)) for step in (at, at + 1))
    return (low, high) if bucket >= half else (-high, -low)


def _float(bits: int) -> float:
    return float(np.array(bits, np.int64).astype(np.int32).view(np.float32))
