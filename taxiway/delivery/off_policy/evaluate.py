"""Off-policy evaluation: estimates with intervals, or the reasons why there are none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from taxiway.delivery.off_policy.estimators import ESTIMATORS, Influence, Sample
from taxiway.delivery.off_policy.intervals import around, standard_error
from taxiway.delivery.off_policy.logged import Floats, Logged
from taxiway.delivery.off_policy.support import effective_sample_size, refusals


@dataclass(frozen=True)
class Estimate:
    """A mean reward per decision, with its 95 percent interval.

    Args:
      name: of the estimator.
      value: mean reward.
      error: its standard error.
      lower: end of the interval.
      upper: the other end.
      difference: to what the log's own policy earned.
      difference_lower: end of the difference's interval.
      difference_upper: the other end.
    """

    name: str
    value: float
    error: float
    lower: float
    upper: float
    difference: float = 0.0
    difference_lower: float = 0.0
    difference_upper: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """What a log says of a policy.

    Args:
      rows: decisions that it rests on.
      units: people, or requests of nobody known, among them.
      effective_sample_size: how many decisions of the policy's own these are worth; see `support`.
      mean_weight: 1 but for chance.
      largest_weight: of one decision.
      logged: what the log's own policy earned.
      estimates: none where it is refused.
      refusals: why there is no estimate.
    """

    rows: int
    units: int
    effective_sample_size: float
    mean_weight: float
    largest_weight: float
    logged: Estimate | None
    estimates: tuple[Estimate, ...]
    refusals: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def evaluate(logged: Logged, targets: Floats) -> Evaluation:
    """What a policy would have earned in place of the log's.

    Args:
      logged: n decisions between k arms.
      targets: (n, k) probability with which the policy would choose each arm for each request; row
        i may rest on what rows before i have taught it, and on nothing later.
    """
    sample = Sample(logged, targets)
    reasons = refusals(sample)
    if not logged.rows:
        return Evaluation(0, 0, 0.0, 0.0, 0.0, None, (), reasons)
    mean = float(logged.rewards.mean())
    own = Influence(mean, logged.rewards - mean)
    return Evaluation(
        rows=logged.rows,
        units=len(np.unique(logged.units)),
        effective_sample_size=effective_sample_size(sample),
        mean_weight=float(sample.weights.mean()),
        largest_weight=float(sample.weights.max()),
        logged=_estimate("logged", own, own, logged),
        estimates=()
        if reasons
        else tuple(_estimate(name, of(sample), own, logged) for name, of in ESTIMATORS.items()),
        refusals=reasons,
    )


def _estimate(name: str, found: Influence, own: Influence, logged: Logged) -> Estimate:
    error = standard_error(found.values, logged.units)
    difference = found.value - own.value
    of_difference = standard_error(found.values - own.values, logged.units)
    return Estimate(
        name,
        found.value,
        error,
        *around(found.value, error),
        difference,
        *around(difference, of_difference),
    )
