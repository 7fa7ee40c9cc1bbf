"""How many users an experiment needs before it starts, and what looking often costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from taxiway.delivery.statistics.comparisons.means import FEWEST, tuned
from taxiway.process.extras import needs


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

    Takes 3 seconds the first time, as it imports statsmodels.

    Args:
      effect: the least difference of means that is worth finding, not 0.
      deviation: standard deviation of the metric; of a rate, sqrt(rate (1 - rate)).
      alpha: of all comparisons with the control together (Bonferroni).
      power: probability that the effect is found.
      arms: with the control.
      variance_left: by the covariate; see `cuped.variance_left`.

    Raises:
      ConfigError: statsmodels is not installed.
    """
    with needs("serving", "statsmodels", "the size of an experiment"):
        from statsmodels.stats.power import normal_sample_size_one_tail

    each = alpha / max(1, arms - 1)
    noise = deviation * math.sqrt(2.0 * variance_left)  # of a difference of two single users
    fixed = normal_sample_size_one_tail(effect, power, each / 2.0, std_null=noise)
    sequential = (noise / effect) ** 2 * _squared_errors(each, power)
    return Plan(max(2, math.ceil(fixed)), max(FEWEST, math.ceil(sequential)))


def _squared_errors(alpha: float, power: float) -> float:
    """How often an effect must be its standard error, squared, at the end of a sequential test.

    At the planned size, for which its prior is tuned, a confidence sequence is `width` standard
    errors to each side (see `means.tuned`), and an estimate is that far from 0 with a probability
    of `power` where the effect is ndtri(power) errors more. Effects that were
    found before and no longer are come on top, so the power is somewhat greater.
    """
    prior = 1.0 / tuned(alpha)
    width = math.sqrt((1.0 + prior) * (math.log1p(1.0 / prior) - 2.0 * math.log(alpha)))
    return (width + float(ndtri(power))) ** 2
