"""How many users an experiment needs before it starts, and what looking often costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from taxiway.delivery.statistics.comparisons.means import tuned


@dataclass(frozen=True)
class Plan:
    """Users per arm, of equal arms.

    Args:
      fixed: of the test that looks once, at the end.
      sequential: of the confidence sequence, which may be looked at at any time.
    """

    fixed: int
    sequential: int

    @property
    def price_of_peeking(self) -> float:
        """How many times as many users the sequential test plans for. It often ends sooner."""
        return self.sequential / self.fixed


def plan(
    effect: float,
    deviation: float,
    alpha: float = 0.05,
    power: float = 0.8,
    arms: int = 2,
    variance_left: float = 1.0,
) -> Plan:
    """The users per arm with whom an effect is found with a probability of `power`.

    Args:
      effect: the least difference of means that is worth finding, not 0.
      deviation: standard deviation of the metric; of a rate, sqrt(rate (1 - rate)).
      alpha: of all comparisons with the control together (Bonferroni).
      power: probability that the effect is found.
      arms: with the control.
      variance_left: by the covariate; see `cuped.variance_left`.
    """
    each = alpha / max(1, arms - 1)
    noise = 2.0 * deviation * deviation * variance_left / (effect * effect)
    fixed = max(2, math.ceil(noise * float(ndtri(1.0 - each / 2.0) + ndtri(power)) ** 2))
    return Plan(fixed, max(fixed, math.ceil(noise * _sequential(each, power))))


def _sequential(alpha: float, power: float) -> float:
    """Squared standard errors that the effect must be.

    At the planned size, for which the prior is tuned, the bounds are sqrt(tuned(alpha)) wide and
    the estimate is that and ndtri(power) away from 0 in 1 of `power` cases.
    """
    prior = 1.0 / tuned(alpha)
    width = math.sqrt((1.0 + prior) * (math.log1p(1.0 / prior) - 2.0 * math.log(alpha)))
    return (width + float(ndtri(power))) ** 2
