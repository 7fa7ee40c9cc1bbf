"""Epsilon-greedy: the arm that has been best so far, and a share of any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from taxiway.delivery.policies.choosers import best_of
from taxiway.delivery.policies.counted.sums import CountedPolicy, Sums
from taxiway.section import Probability


class EpsilonGreedy(CountedPolicy):
    """The arm with the highest mean so far, and a share of any; simple, and its propensities are
    the easiest to evaluate other policies by."""

    kind: Literal["epsilon_greedy"]
    floor: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Least probability of each arm, beside what epsilon gives it."""
    epsilon: Probability = 0.1
    """Share of the requests that go to any of the arms alike."""

    def wanted(self, arms: Sequence[str], sums: Sequence[Sums]) -> list[float]:
        """1 - epsilon to the best; an arm without rewards is no best one unless all are."""
        means = [-math.inf if one.n <= 0 else one.mean for one in sums]
        return [(1 - self.epsilon) * best + self.epsilon / len(arms) for best in best_of(means)]
