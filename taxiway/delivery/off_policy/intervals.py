"""Intervals from influence values: normal, with the errors of one person summed before squaring."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from taxiway.delivery.off_policy.logged import Floats, Integers

CONFIDENCE: Final = 0.95
_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def standard_error(values: Floats, units: Integers) -> float:
    """Of a mean, from influence values of mean 0, robust to what rows of a unit have in common.

    Liang and Zeger (1986), with C / (C - 1) for C units; infinite for one.
    """
    sums = np.bincount(units, values)
    count = len(np.unique(units))
    if count < 2:
        return math.inf
    variance = float((sums**2).sum()) / len(values) ** 2
    return math.sqrt(variance * count / (count - 1))


def around(value: float, error: float) -> tuple[float, float]:
    """Lower and upper end of the 95 percent interval."""
    return value - _Z * error, value + _Z * error
