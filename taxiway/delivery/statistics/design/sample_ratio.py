"""Whether arms have as many users as their weights say; else nothing can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import chdtrc, gammaln

from taxiway.delivery.statistics.comparisons.effect import always_valid_p

MISMATCH: Final = 0.001
"""A p-value below it withholds results. The usual bound is 0.0005 to 0.001, far below that of
effects, as it is looked at often, and each alarm costs an experiment (Fabijan et al. 2019,
"Diagnosing sample ratio mismatch in online controlled experiments", KDD)."""

_TRUST: Final = 10_000.0
"""Users that the weights count for, in the sequential test: shares some percent off are found."""


@dataclass(frozen=True)
class SampleRatio:
    """What the counts say of the weights.

    Args:
      p_value: of the chi-square test at this look.
      always_valid: p-value of all looks at once; slower to find a mismatch.
      expected: of each arm.
    """

    p_value: float
    always_valid: float
    expected: tuple[float, ...]

    @property
    def mismatch(self) -> bool:
        """Whether results are to be withheld."""
        return self.p_value < MISMATCH


def sample_ratio(counts: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """Compares how many users each arm has with its weight.

    A chi-square test (Fabijan et al. 2019). It is made for one look; at 30 looks its false alarms
    at p < 0.001 are less than 1 in 100, which is borne. `always_valid` is the Dirichlet mixture of
    Lindon and Malek 2022, "Anytime-valid inference for multinomial count data", NeurIPS, around the
    weights.

    Args:
      counts: of users, not requests: requests of one user come together, which chance does not.
        All since the weights were last changed.
      weights: in the order of `counts`; any positive scale. An arm of weight 0 is left out where
        it has no users, and is a mismatch where it has some.
    """
    observed = np.array(counts, np.float64)
    shares = np.array(weights, np.float64) / sum(weights)
    expected = shares * observed.sum()
    told = tuple(float(one) for one in expected)
    if (observed[shares == 0.0] > 0.0).any():
        return SampleRatio(0.0, 0.0, told)
    observed, expected, shares = (one[shares > 0.0] for one in (observed, expected, shares))
    if len(observed) < 2 or not observed.sum():
        return SampleRatio(1.0, 1.0, told)
    distance = float(((observed - expected) ** 2 / expected).sum())
    prior = _TRUST * shares
    evidence = (
        gammaln(_TRUST)
        - gammaln(_TRUST + observed.sum())
        + (gammaln(prior + observed) - gammaln(prior) - observed * np.log(shares)).sum()
    )
    return SampleRatio(
        float(chdtrc(len(observed) - 1, distance)), always_valid_p(float(evidence)), told
    )
