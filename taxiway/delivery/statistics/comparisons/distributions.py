"""How far two distributions are apart, such as of scores, from counts by bucket."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from taxiway.delivery.statistics.comparisons.effect import Effect, always_valid_p
from taxiway.delivery.statistics.comparisons.means import tuned
from taxiway.delivery.statistics.comparisons.quantiles import Histogram

_NEAR: Final = 128
"""Buckets numbered up to about it, to each side of 0, share most of alpha."""


def distribution_distance(
    control: Histogram, treatment: Histogram, alpha: float = 0.05, planned: float = 5000.0
) -> Effect:
    """The greatest distance between the arms' cumulative distributions (Kolmogorov and Smirnov).

    At each edge between buckets the distance of the two shares is sub-Gaussian, with a variance of
    at most 1/4 per observation (Hoeffding 1963), so Robbins' Gaussian mixture bounds it at all
    looks at once (Howard, Ramdas, McAuliffe and Sekhon 2021, "Time-uniform, nonparametric,
    nonasymptotic confidence sequences", Ann. Stat. 49(2), on the two-sided normal mixture). The
    edges share alpha, those of high numbers less of it, so that there may be any number of them:
    for the up to a few hundred of a histogram this is narrower than bounds of each arm for all
    values (Howard and Ramdas 2022, theorem 2).

    Args:
      control: counts of values by bucket.
      treatment: as `control`.
      alpha: share of comparisons whose bounds are ever wrong.
      planned: observations per arm, of two equal ones, at which the bounds are to be as narrow as
        they can be.

    Returns:
      A distance from 0 to 1, at the edges of buckets in which there is something; `control` and
      `treatment` of it are NaN.
    """
    sizes = sum(control.values()), sum(treatment.values())
    if not all(sizes):
        return Effect(math.nan, math.nan, math.nan, 0.0, 1.0, 1.0)
    buckets = sorted({*control, *treatment})
    shares = [
        np.cumsum([arm.get(bucket, 0) for bucket in buckets]) / size
        for arm, size in zip((control, treatment), sizes, strict=True)
    ]
    distances = np.abs(shares[1] - shares[0])
    numbers = _NEAR + np.abs(np.array(buckets, np.float64))
    # the sum of 1 / (near + j)^2 over all whole j, of both signs, is below 2 / (near - 1/2)
    alphas = alpha * (_NEAR - 0.5) / (2.0 * numbers * numbers)
    observed = 2.0 / (1.0 / sizes[0] + 1.0 / sizes[1])
    prior = planned / (observed * tuned(alpha / (2 * _NEAR)))
    spread = 0.5 / observed  # 1/4 of each observation, of both arms
    radii = np.sqrt(spread * (1.0 + prior) * (math.log1p(1.0 / prior) - 2.0 * np.log(alphas)))
    evidence = 0.5 * (distances * distances / spread / (1.0 + prior) - math.log1p(1.0 / prior))
    return Effect(
        math.nan,
        math.nan,
        float(distances.max()),
        float(max(0.0, (distances - radii).max())),
        float(min(1.0, (distances + radii).max())),
        always_valid_p(float((evidence + np.log(alphas / alpha)).max())),
    )
