"""Percentiles of two arms, such as of latencies, compared from counts by bucket."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from taxiway.delivery.statistics.comparisons.effect import Effect, always_valid_p
from taxiway.delivery.statistics.comparisons.mixture import LOG_RATIOS, Floats, log_level, mixed

Histogram = Mapping[int, int]
"""Counts by bucket; buckets are numbered in the order of their values."""


def quantile_ratio(
    control: Histogram,
    treatment: Histogram,
    quantile: float,
    upper_edge: Callable[[int], float],
    alpha: float = 0.05,
) -> Effect:
    """A percentile of the treatment over the same of the control.

    Each arm's percentile has a confidence sequence of its own (Howard and Ramdas 2022, "Sequential
    estimation of quantiles with applications to A/B testing and best-arm identification",
    Bernoulli 28(3), theorem 1 with a beta-binomial-like mixture): values up to the true percentile
    are a Bernoulli walk, whose test martingale is exact. alpha is shared by the two arms and the
    two sides.

    Args:
      control: counts of values by bucket.
      treatment: as `control`.
      quantile: such as 0.99.
      upper_edge: of a bucket, greater than 0; its lower one is the upper one of the bucket before.
      alpha: share of comparisons whose bounds are ever wrong.

    Returns:
      A ratio; its bounds are edges of buckets over edges, so a lower bound of 1 already says that
      the treatment's percentile is greater.
    """
    first = min((*control, *treatment), default=0)
    last = max((*control, *treatment), default=0)
    edges = np.array([upper_edge(bucket) for bucket in range(first - 1, last + 1)])
    of_control = _Arm(control, first, last, quantile)
    of_treatment = _Arm(treatment, first, last, quantile)
    level = log_level(alpha, sides=4)
    control_lower, control_upper = of_control.bounds(edges, level)
    treatment_lower, treatment_upper = of_treatment.bounds(edges, level)
    estimates = of_control.estimate(edges), of_treatment.estimate(edges)
    evidence = max(
        float(np.minimum(of_control.below, of_treatment.above).max()),
        float(np.minimum(of_treatment.below, of_control.above).max()),
    )
    return Effect(
        *estimates,
        estimates[1] / estimates[0],
        treatment_lower / control_upper,
        treatment_upper / control_lower if control_lower > 0.0 else math.inf,
        always_valid_p(evidence - math.log(4.0)),
    )


class _Arm:
    """Evidence at each edge that the percentile is below it, and that it is at or above it."""

    def __init__(self, histogram: Histogram, first: int, last: int, quantile: float) -> None:
        counts = [0, *(histogram.get(bucket, 0) for bucket in range(first, last + 1))]
        self.cumulative: Floats = np.cumsum(counts).astype(np.float64)
        self.quantile = quantile
        self.count = self.cumulative[-1]
        self.below = self._evidence(1.0)
        self.above = self._evidence(-1.0)

    def _evidence(self, sign: float) -> Floats:
        odds = self.quantile / (1.0 - self.quantile) * np.exp(sign * LOG_RATIOS)
        under = np.log(odds / (1.0 + odds) / self.quantile)
        over = -np.log((1.0 + odds) * (1.0 - self.quantile))
        up_to = self.cumulative[:, None]
        return mixed(up_to * under + (self.count - up_to) * over)

    def bounds(self, edges: Floats, level: float) -> tuple[float, float]:
        at_or_above = np.flatnonzero(self.above >= level)
        below = np.flatnonzero(self.below >= level)
        return (
            float(edges[at_or_above[-1]]) if at_or_above.size else 0.0,
            float(edges[below[0]]) if below.size else math.inf,
        )

    def estimate(self, edges: Floats) -> float:
        """The upper edge of the bucket that it is in."""
        if not self.count:
            return math.nan
        rank = max(1, math.ceil(self.quantile * self.count))
        return float(edges[np.searchsorted(self.cumulative, rank)])
