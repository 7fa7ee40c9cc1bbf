"""Odds ratios that a bet is spread over: the one prior behind rates and percentiles."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_USUAL: Final = 0.5
"""Logarithm of a ratio, about 1.6: half of the bets are on smaller ones, half on greater."""

LOG_RATIOS: Final[Floats] = np.geomspace(1e-4, 12.0, 200)
"""Of the alternatives, against a ratio of 1: from 1.0001 to 160,000."""

_DENSITY: Final[Floats] = LOG_RATIOS / (1.0 + (LOG_RATIOS / _USUAL) ** 2)

LOG_WEIGHTS: Final[Floats] = np.log(_DENSITY / _DENSITY.sum())
"""A half-Cauchy density: it has no tail too thin, and much near 1, which great samples need."""


def mixed(log_likelihood_ratios: Floats) -> Floats:
    """Logarithm of the mean of likelihood ratios, by the weights, along the last axis.

    Each is a test martingale, so their mean is one: sound for any weights, whatever the grid.
    """
    weighted = log_likelihood_ratios + LOG_WEIGHTS
    greatest = weighted.max(axis=-1)  # taken out, as no exponential of it need be finite
    found: Floats = greatest + np.log(np.exp(weighted - greatest[..., None]).sum(axis=-1))
    return found


def log_level(alpha: float, sides: int) -> float:
    """What the logarithm of the evidence must reach, where alpha is shared by so many sides."""
    return math.log(sides / alpha)
