"""What experiments' policies have learnt as of the last look, and what is seen here to learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from taxiway.delivery.experiment.learning import PolicyState
from taxiway.delivery.policies.choosers import Chooser
from taxiway.delivery.policies.policy import BasePolicy, Context, Observation
from taxiway.serving.decisions.record import Reward
from taxiway.serving.delivering.rewards.decided import Decided
from taxiway.serving.requests.ask import Ask
from taxiway.serving.routing.choose import Choice
from taxiway.serving.routing.said import column

MOST_OBSERVED: Final = 20_000
"""Observations that wait to be written; more are counted and dropped."""


class Chosen(NamedTuple):
    """What is learnt from a decision by, once its reward is known."""

    experiment: int
    arm: str
    context: Context
    propensity: float


class Known:
    """A policy, and what it has learnt.

    Args:
      policy: of an experiment.
      state: as it was read.
    """

    def __init__(self, policy: BasePolicy, state: PolicyState) -> None:
        self.policy = policy
        self.state = state
        self.chooser = policy.chooser(state.state)


class LearntPolicies:
    """A `PolicyStates`, and where observations wait for the registry. For one event loop."""

    def __init__(self) -> None:
        self.dropped = 0
        """Observations for which there was no room."""
        self._known: Mapping[int, Known] = {}
        self._observed: list[tuple[int, Observation]] = []

    def chooser(self, experiment: int) -> Chooser | None:
        """See `PolicyStates`."""
        known = self._known.get(experiment)
        return None if known is None else known.chooser

    def put(self, known: Mapping[int, Known]) -> None:
        """Takes what was read in place of what was known."""
        self._known = known

    def chosen(self, ask: Ask, choice: Choice) -> Chosen | None:
        """What of a request has to be remembered until its reward comes."""
        known = self._known.get(choice.experiment)
        if known is None:
            return None
        context = {name: column(ask, name) for name in known.policy.columns}
        return Chosen(choice.experiment, choice.version, context, choice.propensity)

    def learn(self, decided: Decided, reward: Reward) -> None:
        """Takes the first reward of a decision, where it is the one that the policy learns from."""
        chosen: Chosen = decided.context
        known = self._known.get(chosen.experiment)
        if known is None or reward.name != known.state.reward:
            return
        if len(self._observed) >= MOST_OBSERVED:
            self.dropped += 1
            return
        observation = Observation(chosen.arm, reward.value, chosen.context, chosen.propensity)
        self._observed.append((chosen.experiment, observation))

    def observed(self) -> dict[int, list[Observation]]:
        """By experiment, what is to be written."""
        found: dict[int, list[Observation]] = {}
        for experiment, observation in self._observed:
            found.setdefault(experiment, []).append(observation)
        self._observed = []
        return found

    def not_written(self, found: Mapping[int, Iterable[Observation]]) -> None:
        """Has what `observed` gave be given again, as it could not be written."""
        before = [(experiment, one) for experiment, some in found.items() for one in some]
        self._observed = [*before, *self._observed]
