"""A fixed split, which no reward changes: of an A/B test, by a hash of who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from taxiway.delivery.policies.counted.sums import CountedPolicy, Sums

Weight = Annotated[float, Field(ge=0, le=1e6)]


class Weights(CountedPolicy):
    """A fixed split. Rewards are counted and change nothing."""

    learns: ClassVar[bool] = False

    kind: Literal["weights"]
    floor: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Least probability of each arm."""
    weights: Mapping[str, Weight] = {}
    """Of the traffic, in any unit; an arm that is not named has none. Empty for an even split."""

    def wanted(self, arms: Sequence[str], sums: Sequence[Sums]) -> list[float]:
        """As they are given."""
        del sums
        return [self.weights.get(arm, 0.0) for arm in arms]
