"""A fixed split, which no reward changes: of an A/B test, by a hash of who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from taxiway.delivery.policies.choosers import Chooser, FixedChooser, explored
from taxiway.delivery.policies.policy import BasePolicy, Observation, State

Weight = Annotated[float, Field(ge=0, le=1e6)]


class Weights(BasePolicy):
    """A fixed split, whatever the rewards."""

    kind: Literal["weights"]
    floor: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Least probability of each arm."""
    weights: Mapping[str, Weight] = {}
    """Of the traffic, in any unit; an arm that is not named has none. Empty for an even split."""

    def _nothing(self) -> State:
        return {}

    def _chooser(self, state: State) -> Chooser:
        weights = [self.weights.get(arm, 0.0) for arm in state["arms"]]
        return FixedChooser(explored(state["arms"], weights, self.floor))

    def _learn(self, state: State, observations: Sequence[Observation]) -> State:
        del observations
        return dict(state)

    def _forget(self, state: State, arms: Sequence[str]) -> State:
        del arms
        return dict(state)
