"""UCB1: the arm that is the best if all of them are as good as they could still be.

Auer, Cesa-Bianchi and Fischer, Finite-time Analysis of the Multiarmed Bandit Problem (2002), figure
1; with discounted counts or a window, Garivier and Moulines, On Upper-Confidence Bound Policies for
Non-Stationary Bandit Problems (2008).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from taxiway.delivery.policies.choosers import best_of
from taxiway.delivery.policies.counted.sums import CountedPolicy, Sums


class Ucb1(CountedPolicy):
    """The arm with the highest upper bound of its mean. It has one best arm at a time, so without a
    floor its logs tell nothing of the others."""

    kind: Literal["ucb1"]
    range: Annotated[float, Field(gt=0, le=1e12)] = 1.0
    """Highest reward there can be less the lowest."""

    def wanted(self, arms: Sequence[str], sums: Sequence[Sums]) -> list[float]:
        """All to the highest bound; arms without rewards first."""
        del arms
        logarithm = math.log(max(1.0, sum(one.n for one in sums)))
        return best_of(
            [
                math.inf if one.n <= 0 else one.mean + self.range * (2 * logarithm / one.n) ** 0.5
                for one in sums
            ]
        )
