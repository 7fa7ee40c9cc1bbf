"""95% intervals by formula, from a confusion matrix or a curve of them; rows count once each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

Z: Final = 1.959963984540054
"""97.5% of the standard normal distribution."""
Interval = tuple[float, float]


def wilson(successes: float, trials: float) -> Interval | None:
    """The score interval of a share, which stays within [0, 1] and is right for few rows.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if trials <= 0:
        return None
    share = successes / trials
    scale = 1 + Z**2 / trials
    middle = (share + Z**2 / (2 * trials)) / scale
    half = Z / scale * np.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    return float(middle - half), float(middle + half)


def delong(tp: Any, fp: Any) -> Interval | None:
    """The interval of the area under a ROC curve, from counts at rising thresholds.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", 1988. Rows between two thresholds count as ties.
    """
    tp, fp = np.asarray(tp, np.float64), np.asarray(fp, np.float64)
    positives, negatives = tp[0], fp[0]
    if positives < 2 or negatives < 2:
        return None
    of_positives, of_negatives = -np.diff(tp, append=0), -np.diff(fp, append=0)
    below = (negatives - fp + of_negatives / 2) / negatives
    above = (tp - of_positives / 2) / positives
    area = float((of_positives * below).sum() / positives)
    variance = _spread(of_positives, below, area) + _spread(of_negatives, above, area)
    half = Z * float(np.sqrt(variance))
    return max(area - half, 0.0), min(area + half, 1.0)


def _spread(counts: Any, placements: Any, area: float) -> Any:
    total = counts.sum()
    return (counts * (placements - area) ** 2).sum() / (total - 1) / total


def _accuracy(m: Any) -> Interval | None:
    return wilson(m.tp[0] + m.tn[0], m.tp[0] + m.tn[0] + m.fp[0] + m.fn[0])


def _precision(m: Any) -> Interval | None:
    return wilson(m.tp[0], m.tp[0] + m.fp[0])


def _recall(m: Any) -> Interval | None:
    return wilson(m.tp[0], m.tp[0] + m.fn[0])


def _specificity(m: Any) -> Interval | None:
    return wilson(m.tn[0], m.tn[0] + m.fp[0])


FORMULAS: Final[Mapping[str, Callable[[Any], Interval | None]]] = {
    "AUC": lambda m: delong(m.tp, m.fp),
    "BinaryAccuracy": _accuracy,
    "Precision": _precision,
    "Recall": _recall,
    "Specificity": _specificity,
}
"""By TFMA's class, from its Matrices: all counts at one threshold, or at each of a curve."""
SHARES: Final = frozenset({"SparseCategoricalAccuracy"})
"""Metrics that are a share of all rows."""
