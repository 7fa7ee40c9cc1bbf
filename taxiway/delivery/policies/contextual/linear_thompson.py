"""Linear Thompson sampling: each arm as often as it is probably the best for the request.

Agrawal and Goyal, Thompson Sampling for Contextual Bandits with Linear Payoffs (2013), with a line
for each arm. The reward that is expected of an arm is then normal, and how probably it is the
highest is an integral in one dimension; the arm is drawn from that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

from taxiway.delivery.policies.contextual.linear import LinearPolicy

if TYPE_CHECKING:
    from taxiway.delivery.policies.contextual.linear import Array

_REACH: Final = 6.0
"""Deviations from its mean at which a normal density is nothing."""
_NODES: Final = 160
"""Of all arms together, which bounds the time of one request."""

_FEWEST: Final = 8


class LinearThompson(LinearPolicy):
    """Each arm as often as it is probably the best for the request."""

    kind: Literal["linear_thompson"]

    def wanted(self, means: Array, deviations: Array) -> list[float]:
        """How probably each is the best."""
        spread = deviations + 1e-12  # alpha may be 0
        if len(means) == 2:
            apart = (means[0] - means[1]) / math.hypot(*spread.tolist())
            return [0.5 * math.erfc(-apart / 2**0.5), 0.5 * math.erfc(apart / 2**0.5)]
        return _best_of_normals(means, spread)


def _best_of_normals(means: Array, deviations: Array) -> list[float]:
    import numpy as np

    from taxiway.delivery.policies.best_arm import best_arm_probabilities

    centre, scale = means[:, None], deviations[:, None]

    def log_densities(values: Array) -> Array:
        found: Array = -(((values - centre) / scale) ** 2) / 2
        return found

    reach, nodes = np.full(len(means), _REACH), max(_FEWEST, _NODES // len(means))
    return best_arm_probabilities(log_densities, means, deviations, reach, reach, nodes)
