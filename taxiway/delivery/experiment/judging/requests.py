"""Requests that took part in an experiment, and what they are for each user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt

from taxiway.delivery.experiment_section import (
    FALLBACK,
    LATENCY,
    OF_EVERY_REQUEST,
    ExperimentMetric,
)
from taxiway.delivery.statistics.comparisons.rates import Rate
from taxiway.delivery.statistics.design.cuped import CovariateSums

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Came:
    """Rewards of one name, of requests in their order.

    Args:
      values: NaN where none came.
      source: which reward it is; those of one reward by key have the same.
      is_late: whether it came more than a day after the request; it counts all the same.
      duplicates: rewards that a later one has taken the place of.
      unknown: rewards of which no request in the log is.
    """

    values: Floats
    source: Integers
    is_late: Flags
    duplicates: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class LeftOut:
    """Requests that the log has of the model since the weights were set, and that did not take
    part.

    Args:
      named: that named a version.
      override: that had one named by hand, in a header or cookie.
      outside: of the audience.
      other_routes: that went by another revision of the route.
      repeated: whose id another request had before: a client that tried again.
      crossed: of users who were given more than one arm, which there should not be.
    """

    named: int = 0
    override: int = 0
    outside: int = 0
    other_routes: int = 0
    repeated: int = 0
    crossed: int = 0

    def to_json(self) -> dict[str, int]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Requests:
    """Those that took part, in the order of their times.

    Args:
      arm: place in the design of the arm that was chosen.
      unit: whose the request is, from 0; a request of nobody is a unit of its own.
      keyed: units that are users.
      fallback: whether another version has answered; rewards say nothing of either then.
      latency_ms: from when it came.
      propensity: with which the arm was chosen.
      rewards: by name.
      covariate: NaN where a request has none; None where none is declared.
      left_out: what is not among them.
    """

    arm: Integers
    unit: Integers
    keyed: int
    fallback: Flags
    latency_ms: Floats
    propensity: Floats
    rewards: Mapping[str, Came]
    covariate: Floats | None = None
    left_out: LeftOut = field(default_factory=LeftOut)

    @property
    def units(self) -> int:
        """How many there are."""
        return int(self.unit.max()) + 1 if len(self.unit) else 0

    def users_of(self, arms: int) -> list[int]:
        """Units of each arm."""
        return [int(one) for one in np.bincount(self.arm_of_unit(), minlength=arms)]

    def arm_of_unit(self) -> Integers:
        """Of each unit its arm."""
        found = np.zeros(self.units, np.int64)
        found[self.unit] = self.arm
        return found


def sums_by_arm(requests: Requests, metric: ExperimentMetric, arms: int) -> list[CovariateSums]:
    """Of each arm, its users' metric, and beside it their covariate.

    Users are what was drawn at random, so they are what varies. A mean over requests is that of
    users' values by the delta method: y = r + (s - r n) / mean n, of a user's sum s over n
    requests, where r is the arm's mean (Deng, Knoblich and Lu 2018, "Applying the delta method in
    metric analytics", KDD, section 3).

    Args:
      metric: see `ExperimentMetric`; one whose rewards are not read has none.
      arms: how many the design has.

    Returns:
      In the order of the design. Where no covariate is declared x is 0.
    """
    values, counted = _values(requests, metric)
    arm_of = requests.arm_of_unit()
    units = requests.units
    total = _added(requests.unit, np.where(counted, values, 0.0), units)
    if metric.per == "user":
        total -= _counted_twice(requests, metric, values, counted, units)
        return _summed(arm_of, total, _covariate(requests), arms)
    count = _added(requests.unit, counted, units)
    of_arm = _added(arm_of, count, arms), _added(arm_of, total, arms)
    has_any = count > 0
    seen = _added(arm_of, has_any, arms)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, size = of_arm[1] / of_arm[0], of_arm[0] / seen
        y = mean[arm_of] + (total - mean[arm_of] * count) / size[arm_of]
    return _summed(arm_of[has_any], y[has_any], _covariate(requests)[has_any], arms)


def events_by_arm(requests: Requests, metric: ExperimentMetric, arms: int) -> list[Rate] | None:
    """Of each arm, how many users there are, and how many met an event; None where it is no event.

    Args:
      metric: of which every value is 0 or 1, such as a fallback or a purchase.
    """
    values, counted = _values(requests, metric)
    if not np.isin(values[counted], (0.0, 1.0)).all():
        return None
    met = _added(requests.unit, counted & (values == 1.0), requests.units) > 0
    seen = _added(requests.unit, counted, requests.units) > 0
    arm_of = requests.arm_of_unit()
    events, trials = (_added(arm_of, of_unit, arms) for of_unit in (met, seen))
    return [Rate(int(one), int(all_)) for one, all_ in zip(events, trials, strict=True)]


def _values(requests: Requests, metric: ExperimentMetric) -> tuple[Floats, Flags]:
    """Of each request, its value and whether it counts."""
    everything = np.ones(len(requests.arm), bool)
    if metric.name == LATENCY:
        return requests.latency_ms, everything
    if metric.name == FALLBACK:
        return requests.fallback.astype(np.float64), everything
    came = requests.rewards.get(metric.name)
    if came is None:
        return np.zeros(len(requests.arm)), ~everything
    has_one = np.isfinite(came.values)
    counted = has_one if metric.missing == "left_out" else everything
    return np.where(has_one, came.values, 0.0), counted & ~requests.fallback


def _counted_twice(
    requests: Requests, metric: ExperimentMetric, values: Floats, counted: Flags, units: int
) -> Floats:
    """Of each unit, what one reward by key has brought to more requests than one."""
    came = requests.rewards.get(metric.name)
    if came is None or metric.name in OF_EVERY_REQUEST:
        return np.zeros(units)
    rows = np.flatnonzero(counted & (came.source >= 0))
    _, first = np.unique(came.source[rows], return_index=True)
    again = np.delete(rows, first)
    return _added(requests.unit[again], values[again], units)


def _covariate(requests: Requests) -> Floats:
    """Of each unit the one of its first request: what comes later an arm may have moved.

    One that is missing is the mean of the others, which is no difference between arms.
    """
    found = np.zeros(requests.units)
    if requests.covariate is None or not requests.units:
        return found
    _, first = np.unique(requests.unit, return_index=True)
    found = requests.covariate[first]
    known = np.isfinite(found)
    return np.where(known, found, found[known].mean() if known.any() else 0.0)


def _added(place: Integers, values: Floats | Flags, size: int) -> Floats:
    """Sums by place."""
    return np.bincount(place, values, size).astype(np.float64)


def _summed(arm: Integers, y: Floats, x: Floats, arms: int) -> list[CovariateSums]:
    def by_arm(values: Floats) -> Floats:
        return _added(arm, values, arms)

    counts = np.bincount(arm, minlength=arms)
    sums = zip(
        counts, by_arm(y), by_arm(x), by_arm(y * y), by_arm(x * x), by_arm(x * y), strict=True
    )
    return [CovariateSums(int(count), *map(float, rest)) for count, *rest in sums]
