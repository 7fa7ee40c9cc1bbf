"""What the linear policies share: a ridge regression of the reward on the features, for each arm.

An arm's regression is two sums over its rewards: of the products of features (its Gram matrix, of
which half is kept, as it is symmetric), and of features times reward. When it is solved, rewards
are centred and scaled by the mean and the deviation of all of them: their unit does not matter.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from taxiway.delivery.policies.choosers import Chooser, explored
from taxiway.delivery.policies.contextual.features import (
    Encode,
    FeaturePolicy,
    encoder,
    look,
    width,
)
from taxiway.delivery.policies.counted.sums import mean_weight
from taxiway.delivery.policies.policy import Observation, State
from taxiway.errors import TaxiwayError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]


class LinearPolicy(FeaturePolicy):
    """Base of those that expect a reward by a line."""

    alpha: Annotated[float, Field(ge=0, le=100)] = 1.0
    """How much it explores: standard deviations of an arm's expected reward."""
    ridge: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """What is added to the squares of each feature: as if each had been seen so often, with an
    average reward."""
    discount: Annotated[float, Field(gt=0, le=1)] = 1.0
    """By which every reward counts less with each one that comes after it, for rewards that change
    over time: with 0.999 the last 1,000 count. 1 forgets nothing."""

    @abstractmethod
    def wanted(self, means: Array, deviations: Array) -> list[float]:
        """How much each arm is to have of a request, before the floor; in any unit.

        Args:
          means: of each arm, the reward that is expected, in deviations of all rewards.
          deviations: of each arm, how far that may be off, `alpha` times.
        """

    def _nothing(self) -> State:
        return {"seen": {}, "rewards": [0.0, 0.0, 0.0], "learnt": {}}

    def _chooser(self, state: State) -> Chooser:
        return _LinearChooser(self, state)

    def _learn(self, state: State, observations: Sequence[Observation]) -> State:
        if not observations:
            return dict(state)
        import numpy as np

        size, count = width(self.features), len(observations)
        kept, weight = self.discount**count, mean_weight(self.discount, count)
        seen = look(self.features, state["seen"], [one.context for one in observations])
        encode = encoder(self.features, seen)
        learnt = {
            arm: [kept * one for one in _arrays(found, size)]
            for arm, found in state["learnt"].items()
        }
        half = np.triu_indices(size)
        for arm in dict.fromkeys(one.arm for one in observations):
            own = [one for one in observations if one.arm == arm]
            rows = np.array([encode(one.context) for one in own])
            more = [(rows.T @ rows)[half], rows.T @ np.array([one.reward for one in own])]
            before = learnt.get(arm, [0.0, 0.0])
            learnt[arm] = [old + weight * new for old, new in zip(before, more, strict=True)]
        rewards = [one.reward for one in observations]
        sums = (count, math.fsum(rewards), math.fsum(one * one for one in rewards))
        return state | {
            "seen": seen,
            "rewards": [
                kept * old + weight * new for old, new in zip(state["rewards"], sums, strict=True)
            ],
            "learnt": {arm: [one.tolist() for one in found] for arm, found in learnt.items()},
        }

    def _forget(self, state: State, arms: Sequence[str]) -> State:
        kept = {arm: found for arm, found in state["learnt"].items() if arm not in arms}
        return state | {"learnt": kept}


class _LinearChooser(Chooser):
    """Has solved the regressions."""

    def __init__(self, policy: LinearPolicy, state: State) -> None:
        import numpy as np

        self._array = np.array
        self._policy, self._arms = policy, state["arms"]
        self._encode: Encode = encoder(policy.features, state["seen"])
        size = width(policy.features)
        mean, deviation = _centre(state["rewards"])
        half = np.triu_indices(size)
        slopes, inverses = [], []
        for arm in self._arms:
            gram, products = np.zeros((size, size)), np.zeros(size)
            if arm in state["learnt"]:
                triangle, products = _arrays(state["learnt"][arm], size)
                gram[half] = triangle
                gram = gram + np.triu(gram, 1).T
            inverse = np.linalg.inv(gram + policy.ridge * np.identity(size))
            standard = (products - mean * gram[0]) / deviation if deviation else np.zeros(size)
            inverses.append(inverse)
            slopes.append(inverse @ standard)
        self._slopes, self._inverses = np.array(slopes), np.array(inverses)

    def propensities(self, context: Mapping[str, Any]) -> Mapping[str, float]:
        """Of one request."""
        row = self._array(self._encode(context))
        squares = (self._inverses @ row) @ row
        wanted = self._policy.wanted(self._slopes @ row, self._policy.alpha * squares**0.5)
        return explored(self._arms, wanted, self._policy.floor)


def _centre(squares: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation of all rewards; a deviation of 0 where they are equal."""
    n, total, of_squares = squares
    if n <= 0:
        return 0.0, 0.0
    mean = total / n
    variance = of_squares / n - mean * mean
    return mean, variance**0.5 if variance > 1e-14 * of_squares / n else 0.0


def _arrays(learnt: Sequence[Sequence[float]], size: int) -> list[Array]:
    """The two sums of an arm."""
    import numpy as np

    if len(learnt[1]) != size:
        raise TaxiwayError(
            "the state was learnt with other features than the policy has; start a new experiment, "
            "or give the policy the features that it began with"
        )
    return [np.array(one) for one in learnt]
