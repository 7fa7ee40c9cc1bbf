"""What an experiment takes, before it starts: users and days, and the price of looking often."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from taxiway.delivery.experiment.judging.plain import finite
from taxiway.delivery.experiment_section import Experiment
from taxiway.delivery.statistics.design.power import plan

Source = Literal["config", "log", ""]


@dataclass(frozen=True)
class Before:
    """What is known of the control without the experiment.

    Args:
      source: where from: the config, the log, or nowhere.
      mean: of the primary metric.
      standard_deviation: of one user.
      variance_left: by the covariate, 0 to 1; 1 without one.
      users: that the log has it from; 0 where the config says it.
      traffic_per_day: users a day, of all arms together; None where nothing says it.
    """

    source: Source = ""
    mean: float = math.nan
    standard_deviation: float = math.nan
    variance_left: float = 1.0
    users: int = 0
    traffic_per_day: float | None = None


@dataclass(frozen=True)
class Size:
    """Of an experiment, all arms together; None where it is not known.

    Args:
      users: in all.
      days: at the traffic that is expected.
    """

    users: int
    days: float | None


@dataclass(frozen=True)
class Planned:
    """What is told before an experiment starts.

    Args:
      before: what it is told from.
      effect: the smallest that is worth acting on.
      fixed: with one look, at the end; None where nothing is known of the metric.
      sequential: with as many looks as one likes.
      per_arm: users of the sequential test, of equal arms: what bounds are made the narrowest for.
    """

    before: Before
    effect: float
    alpha: float
    power: float
    fixed: Size | None
    sequential: Size | None
    per_arm: int | None

    @property
    def price_of_peeking(self) -> float:
        """How many times as many users looking often takes; NaN where that is not known."""
        if self.fixed is None or self.sequential is None:
            return math.nan
        return self.sequential.users / self.fixed.users

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        told = asdict(self) | {"price_of_peeking": self.price_of_peeking}
        known: dict[str, Any] = finite(told)
        return known


def planned(design: Experiment, before: Before) -> Planned:
    """The size of an experiment, for its effect at its alpha and power.

    Shares that differ cost: N = n / 2 (1 / control's + 1 / least treatment's share) users have the
    variance of 2 n in two equal arms.

    Args:
      design: of it.
      before: what the config says of the metric wins over it.
    """
    metric = design.primary_metric
    given = metric.baseline
    if given is not None:
        before = Before(
            "config",
            given.mean,
            given.standard_deviation,
            before.variance_left,
            0,
            before.traffic_per_day,
        )
    traffic = design.traffic_per_day or before.traffic_per_day
    before = Before(**asdict(before) | {"traffic_per_day": traffic})
    told = (before, metric.effect, design.alpha, design.power)
    if not before.standard_deviation > 0.0:
        return Planned(*told, None, None, None)
    found = plan(
        metric.effect,
        before.standard_deviation,
        design.alpha,
        design.power,
        len(design.arms),
        before.variance_left,
    )
    control, *others = (slots / sum(design.slots) for slots in design.slots)
    unequal = (1 / control + 1 / min(others)) / 2

    def size(per_arm: int) -> Size:
        users = math.ceil(per_arm * unequal)
        days = None if not traffic else max(users / traffic, design.minimum_days)
        return Size(users, days)

    return Planned(*told, size(found.fixed), size(found.sequential), found.sequential)
