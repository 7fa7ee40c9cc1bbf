"""Two rates of rare events, such as errors, compared from their counts: exact for small ones.

A request goes to the treatment with the share w and fails there with p1, else with p0. Its value
is X = 1/w where it failed in the treatment, -1/(1 - w) where it failed in the control, and 0 where
it did not fail: the mean of X is p1 - p0. For a difference d, one who bets a share L of his money
that X is greater than d has, after all requests,

    (1 - L d)^neither * (1 + L (1/w - d))^treatment's * (1 - L (1/(1 - w) + d))^control's failures

which is a test martingale where the difference is d (Waudby-Smith and Ramdas 2024, "Estimating
means of bounded random variables by betting", J. R. Stat. Soc. B 86(1), section 4). It depends on
the counts alone. So does its mean over many L, which needs no guess of how large the difference
is. By Ville's inequality it ever reaches 1/alpha with a probability of at most alpha; the d at
which it has not are the confidence sequence.

At d = 0 it is the mixture of binomial likelihood ratios of the failures' arms given that they
failed, an exact test however few they are (Robbins 1970, "Statistical methods related to the law
of the iterated logarithm", Ann. Math. Stat. 41(5)).

w is taken from the counts. Where the arms' sizes are given rather than drawn, the expectation is
at most 1 all the same: by Jensen's inequality, as the logarithm is concave.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from taxiway.delivery.statistics.comparisons.effect import Effect, always_valid_p, crossing
from taxiway.delivery.statistics.comparisons.mixture import LOG_RATIOS, log_level, mixed


class Rate(NamedTuple):
    """So many events, such as errors, in so many trials, such as requests."""

    events: int
    trials: int

    @property
    def value(self) -> float:
        """NaN without trials."""
        return self.events / self.trials if self.trials else math.nan


def rate_difference(control: Rate, treatment: Rate, alpha: float = 0.05) -> Effect:
    """The rate of the treatment less that of the control.

    Args:
      control: counts since the weights were last changed; one who adds up over several weights
        compares times of day.
      treatment: as `control`.
      alpha: share of comparisons whose bounds are ever wrong.

    Returns:
      A difference, from -1 to 1.
    """
    if not control.trials or not treatment.trials:
        return Effect(control.value, treatment.value, math.nan, -1.0, 1.0, 1.0)
    level = log_level(alpha, sides=2)
    lower = crossing(lambda d: _for_greater(control, treatment, d), level, -1.0, 1.0)
    upper = -crossing(lambda d: _for_greater(treatment, control, d), level, -1.0, 1.0)
    evidence = max(_for_greater(control, treatment, 0.0), _for_greater(treatment, control, 0.0))
    return Effect(
        control.value,
        treatment.value,
        treatment.value - control.value,
        lower,
        upper,
        always_valid_p(evidence - math.log(2.0)),
    )


def _for_greater(control: Rate, treatment: Rate, difference: float) -> float:
    """Logarithm of the evidence for more than a difference; it falls with the difference."""
    trials = control.trials + treatment.trials
    share, others = treatment.trials / trials, control.trials / trials
    odds = share * np.expm1(LOG_RATIOS)
    bet = others * odds / (1.0 + odds) / (1.0 + max(0.0, difference) * others)
    neither = trials - control.events - treatment.events
    return float(
        mixed(
            neither * np.log1p(-bet * difference)
            + treatment.events * np.log1p(bet * (1.0 / share - difference))
            + control.events * np.log1p(-bet * (1.0 / others + difference))
        )
    )
