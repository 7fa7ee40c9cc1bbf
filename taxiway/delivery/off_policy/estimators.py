"""What a policy would have earned for each decision of another's log, by four estimators.

Each is a mean whose error is known row by row, as its influence values (mean 0): from these follow
intervals, and intervals of differences. Notation as in Dudik, Erhan, Langford and Li (2014): x is
what is known, a the arm, r the reward, p the propensity of the log, pi the evaluated policy, and
w = pi(a|x) / p the weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from taxiway.delivery.off_policy.features import features
from taxiway.delivery.off_policy.logged import Floats, Logged
from taxiway.delivery.off_policy.reward_model import RewardModel, cross_fitted, fit


class Influence(NamedTuple):
    """An estimate and what each row adds to its error.

    Args:
      value: mean reward per decision.
      values: (n,) of mean 0.
    """

    value: float
    values: Floats


@dataclass(frozen=True)
class Sample:
    """A log beside a policy.

    Args:
      logged: its decisions.
      targets: (n, k) probability with which the evaluated policy would choose each arm.
    """

    logged: Logged
    targets: Floats

    @cached_property
    def weights(self) -> Floats:
        """(n,) w."""
        rows = np.arange(self.logged.rows)
        return np.asarray(self.targets[rows, self.logged.chosen] / self.logged.propensities)

    @cached_property
    def features(self) -> Floats:
        """(n, d) for the reward model."""
        return features(self.logged.columns, self.logged.rows)

    @cached_property
    def model(self) -> RewardModel:
        """Of all rows."""
        logged = self.logged
        return fit(self.features, logged.chosen, logged.rewards, len(logged.arms))


def inverse_propensity(sample: Sample) -> Influence:
    """IPS, Horvitz and Thompson (1952): the mean of w r. Without bias; wide where w is large."""
    return _mean(sample.weights * sample.logged.rewards)


def self_normalized(sample: Sample) -> Influence:
    """SNIPS, Swaminathan and Joachims (2015): the sum of w r by the sum of w.

    Its error is by the delta method, and its bias goes with 1/n. A constant that is added to all
    rewards is added to it too.
    """
    weights, rewards = sample.weights, sample.logged.rewards
    total = weights.sum()
    value = float((weights * rewards).sum() / total) if total > 0 else 0.0
    scale = len(weights) / total if total > 0 else 0.0
    return Influence(value, scale * weights * (rewards - value))


def direct(sample: Sample) -> Influence:
    """DM: the mean of the reward model's expectation under pi.

    Its error is that of a sum of M-estimators (Newey and McFadden 1994): what varies with the
    requests, and what each row moves the model by, c' H^-1 x (r - q(x, a)), where H is the Gram
    matrix of the arm's rows and c the sum of pi(a|x) x. A bias of the model is in no interval.
    """
    logged, model, x = sample.logged, sample.model, sample.features
    predicted = model.predict(x)
    expected = (sample.targets * predicted).sum(axis=1)
    moved = np.linalg.solve(model.gram, (sample.targets.T @ x)[:, :, None])[:, :, 0]
    residual = logged.rewards - predicted[np.arange(logged.rows), logged.chosen]
    pushes = (x * moved[logged.chosen]).sum(axis=1) * residual
    value = float(expected.mean())
    return Influence(value, expected - value + pushes - pushes.mean())


def doubly_robust(sample: Sample) -> Influence:
    """DR, Dudik et al. (2014): DM, corrected by w times what the model is wrong by.

    The model of a row has not seen it (cross-fitting), so that the error is that of a mean.
    """
    logged = sample.logged
    predicted = cross_fitted(
        sample.features, logged.chosen, logged.rewards, len(logged.arms), logged.units
    )
    expected = (sample.targets * predicted).sum(axis=1)
    residual = logged.rewards - predicted[np.arange(logged.rows), logged.chosen]
    return _mean(expected + sample.weights * residual)


ESTIMATORS: Final[Mapping[str, Callable[[Sample], Influence]]] = {
    "ips": inverse_propensity,
    "snips": self_normalized,
    "dm": direct,
    "dr": doubly_robust,
}
"""By name, in the order in which they are shown."""


def _mean(values: Floats) -> Influence:
    value = float(values.mean())
    return Influence(value, values - value)
