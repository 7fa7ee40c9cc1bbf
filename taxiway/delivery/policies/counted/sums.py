"""Sums of rewards by arm, with which old ones count less or no more.

They are kept in blocks, so that a window forgets a twentieth of itself at a time. Without a window
there is one block. The observations of one update count alike, whatever their order: rewards that
are late come in none.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from taxiway.delivery.policies.choosers import Chooser, FixedChooser, explored
from taxiway.delivery.policies.policy import BasePolicy, Observation, State

_BLOCKS: Final = 20


class Sums(NamedTuple):
    """Of the rewards of one arm.

    Args:
      n: how many came; less where they are discounted.
      total: their sum.
      squares: the sum of their squares.
    """

    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """NaN where none came."""
        return self.total / self.n if self.n > 0 else math.nan


class CountedPolicy(BasePolicy):
    """Base of those that look at sums of rewards alone."""

    discount: Annotated[float, Field(gt=0, le=1)] = 1.0
    """By which every reward counts less with each one that comes after it, for rewards that change
    over time: with 0.999 the last 1,000 count. 1 forgets nothing."""
    window: Annotated[int, Field(ge=20, le=100_000_000)] | None = None
    """Rewards that count, the last so many (to a twentieth, and whole updates); null for all."""

    @abstractmethod
    def wanted(self, arms: Sequence[str], sums: Sequence[Sums]) -> list[float]:
        """How much each arm is to have, before the floor; in any unit."""

    def with_sums(self, state: State, sums: Mapping[str, Sums]) -> State:
        """The state with sums that were made elsewhere, as one block before all others."""
        size = math.ceil(sum(one.n for one in sums.values()))
        block = {"size": size, "sums": {arm: list(one) for arm, one in sums.items()}}
        return state | {"blocks": [block, *state["blocks"]]}

    def _nothing(self) -> State:
        return {"blocks": []}

    def _chooser(self, state: State) -> Chooser:
        learnt = sums_of(state)
        wanted = self.wanted(state["arms"], [learnt[one] for one in state["arms"]])
        return FixedChooser(explored(state["arms"], wanted, self.floor))

    def _learn(self, state: State, observations: Sequence[Observation]) -> State:
        if not observations:
            return dict(state)
        count = len(observations)
        kept, weight = self.discount**count, mean_weight(self.discount, count)
        blocks = [_times(block, kept) for block in state["blocks"]]
        if not blocks or (self.window and blocks[-1]["size"] >= self.window / _BLOCKS):
            blocks.append({"size": 0, "sums": {}})
        last = blocks[-1]
        last["size"] += count
        by_arm: dict[str, list[float]] = {}
        for one in observations:
            by_arm.setdefault(one.arm, []).append(one.reward)
        for arm, rewards in by_arm.items():
            before = last["sums"].get(arm, (0.0, 0.0, 0.0))
            more = (len(rewards), math.fsum(rewards), math.fsum(one * one for one in rewards))
            last["sums"][arm] = [old + weight * new for old, new in zip(before, more, strict=True)]
        while self.window and sum(one["size"] for one in blocks[1:]) >= self.window:
            del blocks[0]
        return state | {"blocks": blocks}

    def _forget(self, state: State, arms: Sequence[str]) -> State:
        blocks = [
            block | {"sums": {arm: one for arm, one in block["sums"].items() if arm not in arms}}
            for block in state["blocks"]
        ]
        return state | {"blocks": blocks}


def sums_of(state: State) -> dict[str, Sums]:
    """By arm, those that left and are remembered included."""
    return {
        arm: Sums(
            *(
                math.fsum(block["sums"].get(arm, (0, 0, 0))[place] for block in state["blocks"])
                for place in range(3)
            )
        )
        for arm in [*state["arms"], *state["gone"]]
    }


def mean_weight(discount: float, count: int) -> float:
    """Of an observation among `count` that came together, by its place in which it would weigh
    1, `discount`, `discount`², and so on."""
    if discount == 1:
        return 1.0
    return (1 - discount**count) / (count * (1 - discount))


def _times(block: State, factor: float) -> State:
    sums = {arm: [one * factor for one in found] for arm, found in block["sums"].items()}
    return {"size": block["size"], "sums": sums}
