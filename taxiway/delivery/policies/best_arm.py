"""The probability that each arm is the best, from what is believed of each: exactly, not by draws.

Thompson sampling draws a value for each arm and takes the highest. How often that is arm i is the
integral of its density f_i(x) times the product of the distribution functions F_j(x) of the others.
It is summed over a grid that is made of one grid per arm, so that a narrow belief is met as well as
a wide one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
LogDensities = Callable[[Array], Array]
"""Of the arms at points: values (points,) in, (arms, points) out, up to a constant per arm."""

_LEAST: Final = 1e-300


def best_arm_probabilities(
    log_densities: LogDensities,
    centre: Array,
    scale: Array,
    low: Array,
    high: Array,
    nodes: int = 64,
) -> list[float]:
    """Of each arm, the probability that its value is the highest of all.

    Args:
      log_densities: of the arms' values, which are independent.
      centre: of each arm, about its mode.
      scale: of each arm, about its standard deviation.
      low: of each arm, how many scales below the centre its density is nothing; positive.
      high: of each arm, the same above the centre.
      nodes: of the grid, per arm.

    Returns:
      Probabilities, which sum to 1 as floats do. Their error is below 3e-3 with 64 nodes.
    """
    if len(centre) == 1:
        return [1.0]
    edges = _grid(centre, scale, low, high, nodes)
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    logs = log_densities(middles)
    mass = np.exp(logs - logs.max(axis=1, keepdims=True)) * widths
    mass /= mass.sum(axis=1, keepdims=True)
    below: Any = np.log(np.maximum(np.cumsum(mass, axis=1) - mass / 2, _LEAST))
    found = (mass * np.exp(below.sum(axis=0) - below)).sum(axis=1)
    listed: list[float] = (found / found.sum()).tolist()
    return listed


def _grid(centre: Array, scale: Array, low: Array, high: Array, nodes: int) -> Array:
    """Edges of cells, sorted: dense at each arm's centre, and wider towards its tails."""
    steps = np.linspace(0, 1, nodes + 1)[None, :]
    first, last = -np.arcsinh(low)[:, None], np.arcsinh(high)[:, None]
    found: Array = centre[:, None] + scale[:, None] * np.sinh(first + (last - first) * steps)
    edges: Array = np.sort(found, axis=None)
    return edges
