"""What each arm would have earned for each request: a ridge regression for each arm.

Solved in closed form, since the interval of the direct method needs the same normal equations, and
the doubly robust estimator stays right whatever the model: see docs/decisions/0103.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from taxiway.delivery.off_policy.logged import Floats, Integers

PENALTY: Final = 1.0
"""Of each coefficient, on features of variance 1: as if one more row had earned the mean."""
FOLDS: Final = 5
"""For cross-fitting (Chernozhukov et al. 2018), as obp and DoubleML have it by default."""


@dataclass(frozen=True)
class RewardModel:
    """Ridge regressions that shrink to the mean reward.

    Args:
      mean: of all rewards.
      coefficients: (k, d).
      gram: (k, d, d) of the rows of each arm, with the penalty.
    """

    mean: float
    coefficients: Floats
    gram: Floats

    def predict(self, features: Floats) -> Floats:
        """(n, k) expected rewards."""
        return self.mean + features @ self.coefficients.T


def fit(features: Floats, chosen: Integers, rewards: Floats, arms: int) -> RewardModel:
    """The model of all arms; of one without rows it says the mean.

    Args:
      features: (n, d), the first column all ones.
      chosen: (n,) index of the arm.
      rewards: (n,).
      arms: how many there are.
    """
    mean = float(rewards.mean())
    width = features.shape[1]
    gram = np.empty((arms, width, width))
    moments = np.empty((arms, width))
    for arm in range(arms):
        mine = chosen == arm
        rows = features[mine]
        gram[arm] = rows.T @ rows + PENALTY * np.eye(width)
        moments[arm] = rows.T @ (rewards[mine] - mean)
    coefficients = np.linalg.solve(gram, moments[:, :, None])[:, :, 0]
    return RewardModel(mean, coefficients, gram)


def cross_fitted(
    features: Floats, chosen: Integers, rewards: Floats, arms: int, units: Integers
) -> Floats:
    """(n, k) expected rewards, of each row by a model that has seen no row of its unit."""
    found = np.empty((len(chosen), arms))
    fold = units % FOLDS
    for held_out in range(FOLDS):
        mine = fold == held_out
        if not mine.any():
            continue
        others = ~mine
        model = fit(features[others], chosen[others], rewards[others], arms)
        found[mine] = model.predict(features[mine])
    return found
