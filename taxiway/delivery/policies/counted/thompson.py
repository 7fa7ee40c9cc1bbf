"""Thompson sampling: each arm as often as it is probably the best, as far as is known.

Thompson (1933); of the Beta and Bernoulli kind as Chapelle and Li, An Empirical Evaluation of
Thompson Sampling (2011). An arm is not drawn by drawing a value for each: how probably each arm is
the best is computed once for a state, and the arm is drawn from that, which is the same, and leaves
a propensity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from taxiway.delivery.policies.counted.sums import CountedPolicy, Sums
from taxiway.delivery.policies.policy import Observation

if TYPE_CHECKING:
    from taxiway.delivery.policies.best_arm import Array

_PRIOR_COUNT: Final = 1.0
_PRIOR_FREEDOM: Final = 2.0
_NOTHING: Final = 20.0
"""Natural logarithms below its highest, at which a density is nothing."""


class Thompson(CountedPolicy):
    """Each arm as often as it is probably the best. The one to begin with."""

    kind: Literal["thompson"]
    reward: Literal["bernoulli", "gaussian"] = "bernoulli"
    """bernoulli: 0 or 1, or a share between; gaussian: any number, such as a profit."""
    prior_successes: Annotated[float, Field(ge=0.1, le=1e6)] = 1.0
    """Of an arm of which nothing is known, where the reward is bernoulli: as if it had had them."""
    prior_failures: Annotated[float, Field(ge=0.1, le=1e6)] = 1.0
    """As `prior_successes`."""

    def refusal(self, observation: Observation) -> str:
        """A bernoulli reward is of 0 to 1."""
        if self.reward == "bernoulli" and not 0 <= observation.reward <= 1:
            return super().refusal(observation) or (
                f"the reward of arm {observation.arm} is {observation.reward:g}, expected 0 to 1 "
                "by a policy thompson; for any number: `reward: gaussian`"
            )
        return super().refusal(observation)

    def wanted(self, arms: Sequence[str], sums: Sequence[Sums]) -> list[float]:
        """How probably each is the best."""
        if self.reward == "bernoulli":
            successes = [self.prior_successes + one.total for one in sums]
            failures = [self.prior_failures + max(0.0, one.n - one.total) for one in sums]
            return _best_of_betas(successes, failures)
        beliefs = believed(sums)
        return _best_of_students(beliefs) if beliefs else [1.0] * len(arms)


class Belief:
    """What is believed of the mean reward of an arm: it has Student's distribution.

    Args:
      mean: its centre.
      scale: its spread.
      freedom: its degrees of freedom.
    """

    __slots__ = ("freedom", "mean", "scale")

    def __init__(self, mean: float, scale: float, freedom: float) -> None:
        self.mean, self.scale, self.freedom = mean, scale, freedom


def believed(sums: Sequence[Sums]) -> list[Belief]:
    """Of the mean rewards of arms, whatever unit they are in; empty where nothing tells them apart.

    The posterior of a normal mean and variance (normal-inverse-gamma; Murphy, Conjugate Bayesian
    analysis of the Gaussian distribution, 2007, section 3), whose prior is as if each arm had been
    seen once, with the mean of all rewards, and with their variance.
    """
    count = sum(one.n for one in sums)
    if count <= 0:
        return []
    mean = sum(one.total for one in sums) / count
    squares = sum(one.squares for one in sums)
    variance = squares / count - mean * mean
    if variance <= 1e-14 * squares / count:  # what rounding leaves of equal rewards
        return []
    return [_posterior(one, mean, variance) for one in sums]


def _posterior(sums: Sums, mean: float, variance: float) -> Belief:
    count = sums.n
    own = sums.mean if count > 0 else mean
    spread = max(0.0, sums.squares - count * own * own)
    weight = _PRIOR_COUNT + count
    freedom = _PRIOR_FREEDOM + count
    apart = _PRIOR_COUNT * count / weight * (own - mean) ** 2
    all_spread = _PRIOR_FREEDOM * variance + spread + apart
    scale = (all_spread / (freedom * weight)) ** 0.5
    return Belief((_PRIOR_COUNT * mean + count * own) / weight, scale, freedom)


def _best_of_betas(successes: Sequence[float], failures: Sequence[float]) -> list[float]:
    """On the scale of log odds, where the density of a Beta has no end at which it is infinite."""
    import numpy as np

    from taxiway.delivery.policies.best_arm import best_arm_probabilities

    a, b = np.array(successes), np.array(failures)

    def log_densities(odds: Array) -> Array:
        found: Array = a[:, None] * odds - (a + b)[:, None] * np.logaddexp(0, odds)
        return found

    scale = np.sqrt((a + b) / (a * b))
    reach = np.sqrt(2 * _NOTHING) + 2 * _NOTHING / np.array([a, b]) / scale
    return best_arm_probabilities(log_densities, np.log(a / b), scale, reach[0], reach[1])


def _best_of_students(beliefs: Sequence[Belief]) -> list[float]:
    import numpy as np

    from taxiway.delivery.policies.best_arm import best_arm_probabilities

    mean, scale, freedom = (
        np.array([getattr(one, name) for one in beliefs]) for name in ("mean", "scale", "freedom")
    )

    def log_densities(values: Array) -> Array:
        away = (values - mean[:, None]) / scale[:, None]
        found: Array = -(freedom + 1)[:, None] / 2 * np.log1p(away**2 / freedom[:, None])
        return found

    reach = np.sqrt(freedom * np.expm1(2 * _NOTHING / (freedom + 1)))
    return best_arm_probabilities(log_densities, mean, scale, reach, reach)
