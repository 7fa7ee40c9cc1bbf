"""CUPED: what was known of users before takes noise out of what is measured of them after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from taxiway.delivery.statistics.comparisons.means import Summary


@dataclass(frozen=True)
class CovariateSums:
    """Of an arm, additive: a metric y, and beside it a covariate x that the arm cannot move.

    Args:
      count: pairs.
      y: sum of the metric.
      x: sum of the covariate.
      yy: sum of squares of the metric.
      xx: as `yy`, of the covariate.
      xy: sum of products.
    """

    count: int = 0
    y: float = 0.0
    x: float = 0.0
    yy: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def __add__(self, other: CovariateSums) -> CovariateSums:
        names = [one.name for one in fields(self)]
        return CovariateSums(*(getattr(self, name) + getattr(other, name) for name in names))

    @classmethod
    def of(cls, y: float, x: float) -> CovariateSums:
        """Of one pair."""
        return cls(1, y, x, y * y, x * x, x * y)


def adjusted(arms: Sequence[CovariateSums]) -> list[Summary]:
    """Each arm's metric less what its covariate explains.

    y - theta (x - mean x), theta = cov(x, y) / var(x) within the arms together; it leaves the
    effect what it is, and 1 - correlation^2 of the variance (Deng, Xu, Kohavi and Walker 2013,
    "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data",
    WSDM, on control variates).

    Args:
      arms: all of the experiment, whose covariate comes from before it.

    Returns:
      In the order of `arms`; unchanged where the covariate does not vary.
    """
    inside = [_Centred(arm) for arm in arms if arm.count]
    xx = sum(arm.xx for arm in inside)
    theta = sum(arm.xy for arm in inside) / xx if xx > 0.0 else 0.0
    count = sum(arm.count for arm in arms)
    x = sum(arm.x for arm in arms) / count if count else math.nan
    return [_summary(arm, theta, x) for arm in arms]


def variance_left(arms: Sequence[CovariateSums]) -> float:
    """The share of the variance that `adjusted` leaves: 1 - correlation^2, within arms."""
    inside = [_Centred(arm) for arm in arms if arm.count]
    xx, yy, xy = (sum(getattr(arm, name) for arm in inside) for name in ("xx", "yy", "xy"))
    return max(0.0, 1.0 - xy * xy / (xx * yy)) if xx > 0.0 and yy > 0.0 else 1.0


class _Centred:
    """Sums of squares and products around an arm's own means."""

    def __init__(self, arm: CovariateSums) -> None:
        self.yy = max(0.0, arm.yy - arm.y * arm.y / arm.count)
        self.xx = max(0.0, arm.xx - arm.x * arm.x / arm.count)
        self.xy = arm.xy - arm.x * arm.y / arm.count


def _summary(arm: CovariateSums, theta: float, x: float) -> Summary:
    if not arm.count:
        return Summary(0, math.nan, math.nan)
    mean = arm.y / arm.count - theta * (arm.x / arm.count - x)
    if arm.count < 2:
        return Summary(arm.count, mean, math.nan)
    of = _Centred(arm)
    spread = max(0.0, of.yy - 2.0 * theta * of.xy + theta * theta * of.xx)
    return Summary(arm.count, mean, spread / (arm.count - 1))
