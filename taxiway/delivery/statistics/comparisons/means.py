"""Two means of any number, such as a reward or a profit, compared from counts, means, variances."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final, Protocol

from scipy.special import lambertw

from taxiway.delivery.statistics.comparisons.effect import Effect, always_valid_p

FEWEST: Final = 50
"""Observations of an arm below which nothing is said: the bounds rest on the central limit."""

_ROUNDING: Final = 1e-9
"""A variance below this share of the squared mean is what rounding leaves of sums of squares."""
_LEAST: Final = 1e-100
"""Variances below it are none, as numbers that small cannot be divided by."""


class Sample(Protocol):
    """What was observed of an arm."""

    @property
    def count(self) -> int:
        """Observations."""

    @property
    def mean(self) -> float:
        """NaN without any."""

    @property
    def variance(self) -> float:
        """Of the sample, over count - 1; NaN for fewer than two."""


@dataclass(frozen=True)
class Summary:
    """A `Sample` as plain values."""

    count: int
    mean: float
    variance: float


def mean_difference(
    control: Sample, treatment: Sample, alpha: float = 0.05, planned: float = 5000.0
) -> Effect:
    """The mean of the treatment less that of the control.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024,
    "Time-uniform central limit theory and asymptotic confidence sequences", Ann. Stat. 52(6), with
    the variance of a difference of two independent means.

    Args:
      control: its observations.
      treatment: as `control`.
      alpha: share of comparisons whose bounds are ever wrong.
      planned: observations per arm, of two equal ones, at which the bounds are to be as narrow as
        they can be; far from it they are somewhat wider, and as true. To be chosen before.

    Returns:
      A difference; its bounds are infinite for fewer than `FEWEST` observations of an arm, and
      where an arm's do not vary.
    """
    if not _enough(control, treatment):
        return _nothing(control, treatment, treatment.mean - control.mean)
    spread = sum(_squared_errors(control, treatment))
    return _around(treatment.mean - control.mean, spread, control, treatment, alpha, planned)


def relative_difference(
    control: Sample, treatment: Sample, alpha: float = 0.05, planned: float = 5000.0
) -> Effect:
    """The difference as a share of the control's mean: 0.1 where the treatment's is 10 % greater.

    By the delta method (Deng, Knoblich and Lu 2018, "Applying the delta method in metric
    analytics", KDD, on percent changes), with the boundary of `mean_difference`.

    Returns:
      A share of the absolute control's mean, so its sign is that of the difference; the bounds
      are infinite where the control's mean may be 0.
    """
    if not _enough(control, treatment):
        return _nothing(control, treatment)
    of_control, of_treatment = _squared_errors(control, treatment)
    base = abs(control.mean)
    if base <= math.sqrt(of_control) * boundary(control, treatment, alpha, planned):
        return _nothing(control, treatment)
    ratio = treatment.mean / control.mean
    spread = (of_treatment + ratio * ratio * of_control) / (base * base)
    estimate = (treatment.mean - control.mean) / base
    return _around(estimate, spread, control, treatment, alpha, planned)


def boundary(control: Sample, treatment: Sample, alpha: float, planned: float) -> float:
    """Standard errors to each side of a difference, at all looks at once."""
    prior = _prior(control, treatment, alpha, planned)
    return math.sqrt((1.0 + prior) * (math.log1p(1.0 / prior) - 2.0 * math.log(alpha)))


def _prior(control: Sample, treatment: Sample, alpha: float, planned: float) -> float:
    observed = 2.0 / (1.0 / control.count + 1.0 / treatment.count)
    return planned / (observed * tuned(alpha))


@functools.lru_cache(maxsize=1024)
def tuned(alpha: float) -> float:
    """The planned size over the prior's, by which the bounds are narrowest at the planned size.

    Waudby-Smith et al. 2024, appendix on optimizing Robbins' normal mixture: rho^2 times the size,
    by the lower branch of Lambert's W.
    """
    return float(-lambertw(-alpha * alpha / math.e, -1).real) - 1.0


def _around(
    estimate: float,
    spread: float,
    control: Sample,
    treatment: Sample,
    alpha: float,
    planned: float,
) -> Effect:
    radius = math.sqrt(spread) * boundary(control, treatment, alpha, planned)
    prior = _prior(control, treatment, alpha, planned)
    # Robbins 1970: the mixture of Gaussian likelihood ratios, whose inverse the boundary is
    evidence = 0.5 * (estimate * estimate / spread / (1.0 + prior) - math.log1p(1.0 / prior))
    return Effect(
        control.mean,
        treatment.mean,
        estimate,
        estimate - radius,
        estimate + radius,
        always_valid_p(evidence),
    )


def _squared_errors(control: Sample, treatment: Sample) -> tuple[float, float]:
    """Of the arms' means.

    An arm's variance is not taken for less than that of both together: a small arm that has not
    yet had a rare great value would else seem both low and sure of it.
    """
    pooled = _pooled(control, treatment)
    of_control, of_treatment = (
        max(arm.variance, pooled) / arm.count for arm in (control, treatment)
    )
    return of_control, of_treatment


def _pooled(control: Sample, treatment: Sample) -> float:
    arms = (control, treatment)
    spread = sum((arm.count - 1) * arm.variance for arm in arms)
    return spread / (control.count + treatment.count - 2)


def _enough(control: Sample, treatment: Sample) -> bool:
    if min(control.count, treatment.count) < FEWEST:
        return False
    greatest = max(abs(control.mean), abs(treatment.mean))
    return _pooled(control, treatment) > max(_LEAST, _ROUNDING * greatest * greatest)


def _nothing(control: Sample, treatment: Sample, estimate: float = math.nan) -> Effect:
    return Effect(control.mean, treatment.mean, estimate, -math.inf, math.inf, 1.0)
