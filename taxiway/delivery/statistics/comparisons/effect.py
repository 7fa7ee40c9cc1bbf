"""What a comparison gives: an estimate, bounds that hold at all looks at once, and a p-value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """Two arms compared.

    The bounds hold at all looks at once with a probability of 1 - alpha (a confidence sequence):
    one may look after every request, and stop when one likes what one sees.

    Args:
      control: what was measured of the stable version or of the control; NaN where nothing was, or
        where one number does not tell it (a distribution).
      treatment: as `control`, of the canary or of the treatment.
      estimate: of the difference, ratio or distance; NaN where an arm has too few.
      lower: of what is estimated; the least that it can be where nothing is known.
      upper: as `lower`.
      p_value: always valid: of no difference at all; 1 where nothing is known. At most alpha where
        the bounds exclude no difference.
    """

    control: float
    treatment: float
    estimate: float
    lower: float
    upper: float
    p_value: float


def crossing(
    falling: Callable[[float], float], level: float, lowest: float, highest: float
) -> float:
    """The greatest place at which a falling function is still at `level` or above.

    Args:
      falling: never rises.
      level: to find.
      lowest: where to look; the answer where the function is below the level everywhere.
      highest: the end of where to look.

    Returns:
      At most 1e-12 of the range too low, never too high.
    """
    if falling(lowest) < level:
        return lowest
    if falling(highest) >= level:
        return highest
    for _ in range(40):
        middle = (lowest + highest) / 2
        if falling(middle) >= level:
            lowest = middle
        else:
            highest = middle
    return lowest


def always_valid_p(log_evidence: float) -> float:
    """The p-value of an e-process whose logarithm is given.

    Ville's inequality: under the null hypothesis it ever exceeds 1 / p with a probability of at
    most p.
    """
    return 1.0 if math.isnan(log_evidence) else min(1.0, math.exp(-max(0.0, log_evidence)))
