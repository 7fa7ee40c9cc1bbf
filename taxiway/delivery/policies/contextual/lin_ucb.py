"""LinUCB: of each request, the arm that is the best if all are as good as they could still be.

Li, Chu, Langford and Schapire, A Contextual-Bandit Approach to Personalized News Article
Recommendation (2010), algorithm 1, with disjoint linear models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from taxiway.delivery.policies.choosers import best_of
from taxiway.delivery.policies.contextual.linear import LinearPolicy

if TYPE_CHECKING:
    from taxiway.delivery.policies.contextual.linear import Array


class LinUcb(LinearPolicy):
    """The arm with the highest upper bound of the reward that is expected for the request."""

    kind: Literal["lin_ucb"]

    def wanted(self, means: Array, deviations: Array) -> list[float]:
        """All to the highest bound."""
        return best_of((means + deviations).tolist())
