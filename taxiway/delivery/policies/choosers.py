"""What draws an arm: from probabilities that a state has once, or that each request has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple


class Choice(NamedTuple):
    """The arm that was drawn.

    Args:
      arm: of the policy.
      propensity: with which it was drawn.
      propensities: of all arms; they sum to 1.
    """

    arm: str
    propensity: float
    propensities: Mapping[str, float]


class Chooser(ABC):
    """Chooses by one state; shared by requests, and never changes."""

    @abstractmethod
    def propensities(self, context: Mapping[str, Any]) -> Mapping[str, float]:
        """The probability of each arm for a request; they sum to 1 to 1e-9."""

    def choose(self, context: Mapping[str, Any], uniform: float) -> Choice:
        """Draws from `propensities`.

        Args:
          context: columns of the request; those that the policy does not name are not looked at.
          uniform: of [0, 1): the same one gives the same arm.
        """
        found = self.propensities(context)
        end, last = 0.0, ""
        for arm, propensity in found.items():
            if propensity > 0:
                end += propensity
                last = arm
                if uniform < end:
                    break
        return Choice(last, found[last], found)


class FixedChooser(Chooser):
    """The same probabilities for every request."""

    def __init__(self, propensities: Mapping[str, float]) -> None:
        self._propensities = dict(propensities)
        self._choices = [
            Choice(arm, one, self._propensities)
            for arm, one in self._propensities.items()
            if one > 0
        ]
        self._ends = list(accumulate(one.propensity for one in self._choices))[:-1]

    def propensities(self, context: Mapping[str, Any]) -> Mapping[str, float]:
        """Whatever is asked."""
        del context
        return self._propensities

    def choose(self, context: Mapping[str, Any], uniform: float) -> Choice:
        """One comparison per doubling of the arms."""
        del context
        return self._choices[bisect_right(self._ends, uniform)]


def explored(arms: Sequence[str], weights: Sequence[float], floor: float) -> dict[str, float]:
    """Probabilities from weights, with at least `floor` for each arm.

    It is the mixture of the weights with an even split: (1 - n floor) weight + floor, of n arms.

    Args:
      arms: to choose from.
      weights: of each, 0 or more; all 0 is an even split.
      floor: least probability; at most an even split.
    """
    total, count = sum(weights), len(arms)
    floor = min(floor, 1 / count)
    left = 1 - count * floor
    if total <= 0:
        return dict.fromkeys(arms, 1 / count)
    return {arm: left * one / total + floor for arm, one in zip(arms, weights, strict=True)}


def best_of(scores: Sequence[float]) -> list[float]:
    """1 for the highest score, in equal parts where several are; 0 for the others."""
    best = max(scores)
    among = [float(one == best) for one in scores]
    return [one / sum(among) for one in among]
