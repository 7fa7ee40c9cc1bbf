"""What an experiment has shown so far: arms side by side, effects with their bounds, and counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.experiment.judging.model_metrics import ModelMetrics, model_metrics
from taxiway.delivery.experiment.judging.regret import told_regret
from taxiway.delivery.experiment.judging.requests import Requests, events_by_arm, sums_by_arm
from taxiway.delivery.experiment.phases import Phase
from taxiway.delivery.experiment_section import (
    OF_EVERY_REQUEST,
    Experiment,
    ExperimentMetric,
    Guardrail,
)
from taxiway.delivery.policies.logs import Regret
from taxiway.delivery.statistics.comparisons.effect import Effect
from taxiway.delivery.statistics.comparisons.means import Summary, mean_difference
from taxiway.delivery.statistics.comparisons.rates import rate_difference
from taxiway.delivery.statistics.design.cuped import adjusted, variance_left
from taxiway.delivery.statistics.design.sample_ratio import SampleRatio, sample_ratio
from taxiway.delivery.statistics.design.several import Guard, bonferroni, guard, holm

Role = Literal["primary", "secondary", "guardrail"]
RARE: Final = 50
"""Events of an arm, below which users that met one are compared by an exact test."""
USUAL_PLAN: Final = 5_000
"""Users per arm for whom bounds are made the narrowest where the plan does not say."""


@dataclass(frozen=True)
class ArmFound:
    """One arm.

    Args:
      users: that were given it; requests of nobody are one each.
      expected: users, by its weight.
      requests: of these.
      fallbacks: that another version has answered.
      rewarded: that have a reward of the primary metric.
      mean: of the primary metric, as the effect compares it before CUPED; NaN where there is none.
      model: what gateways have measured of the version.
    """

    version: str
    weight: float
    users: int
    expected: float
    requests: int
    fallbacks: int
    rewarded: int
    mean: float
    model: ModelMetrics


@dataclass(frozen=True)
class Comparison:
    """An arm against the control, by one metric.

    Args:
      role: what the metric is for.
      alpha: that the bounds hold for; of several arms and metrics each has its part.
      p_value: always valid; of secondary metrics adjusted by Holm's procedure.
      guard: of a guardrail, whether its margin is held.
      variance_left: by CUPED; 1 without it.
    """

    metric: ExperimentMetric
    role: Role
    version: str
    effect: Effect
    alpha: float
    p_value: float
    guard: Guard | None = None
    variance_left: float = 1.0

    @property
    def better(self) -> tuple[float, float, float]:
        """Estimate, lower and upper bound with the sign of the goal: above 0 is better."""
        one = self.effect
        if self.metric.goal == "increase":
            return one.estimate, one.lower, one.upper
        return -one.estimate, -one.upper, -one.lower

    @property
    def margin(self) -> float | None:
        """Of a guardrail."""
        return self.metric.margin if isinstance(self.metric, Guardrail) else None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        one = self.effect
        return {
            "metric": self.metric.name,
            "per": self.metric.per,
            "goal": self.metric.goal,
            "role": self.role,
            "version": self.version,
            "control": one.control,
            "treatment": one.treatment,
            "effect": one.estimate,
            "lower": one.lower,
            "upper": one.upper,
            "alpha": self.alpha,
            "p_value": self.p_value,
            "margin": self.margin,
            "guard": self.guard,
            "variance_left": self.variance_left,
        }


@dataclass(frozen=True)
class Findings:
    """Of an experiment, up to what the log has.

    Args:
      days: since the arms have had their weights.
      keyed: whether users are those that requests name; else each request is one.
      comparisons: none of a bandit's arms: what it gives an arm depends on what came of it.
      sample_ratio: of users; None where a bandit chooses.
      counts: of what is left out, and of rewards.
      regret: of a bandit.
    """

    design: Experiment
    phase: Phase
    days: float
    keyed: int
    units: int
    arms: Sequence[ArmFound]
    comparisons: Sequence[Comparison]
    sample_ratio: SampleRatio | None
    counts: Mapping[str, int]
    regret: Regret | None = None

    def of(self, role: Role, version: str) -> list[Comparison]:
        """Comparisons of an arm by metrics of a kind."""
        return [one for one in self.comparisons if one.role == role and one.version == version]


def judge(
    design: Experiment,
    phase: Phase,
    requests: Requests,
    measured: Mapping[str, Measured],
    per_arm: int | None,
    days: float,
) -> Findings:
    """What an experiment has shown.

    Args:
      requests: of the phase.
      measured: by version, what gateways have measured of it in the phase.
      per_arm: users that were planned; None where the plan did not say.
      days: since the phase began.
    """
    users = requests.users_of(len(design.arms))
    ratio = None if design.learns else sample_ratio(users, phase.slots)
    return Findings(
        design,
        phase,
        days,
        requests.keyed,
        requests.units,
        _arms(design, phase, requests, measured, users),
        [] if design.learns else _comparisons(design, requests, per_arm or USUAL_PLAN),
        ratio,
        _counts(design, requests),
        told_regret(design, requests) if design.learns else None,
    )


def _comparisons(design: Experiment, requests: Requests, planned: float) -> list[Comparison]:
    """Of every metric and arm.

    Bounds of the primary metric hold for all arms together (Bonferroni), as do those of each
    guardrail: a version is shipped if all of its guardrails hold, so these need no more. Secondary
    metrics share alpha among themselves.
    """
    treatments = len(design.arms) - 1
    each = bonferroni(design.alpha, treatments)
    shared = bonferroni(design.alpha, treatments * len(design.secondary_metrics))
    found = _compared(design, requests, design.primary_metric, "primary", each, planned)
    further = [
        one
        for metric in design.secondary_metrics
        for one in _compared(design, requests, metric, "secondary", shared, planned)
    ]
    p_values = holm({(one.metric.name, one.version): one.p_value for one in further})
    found += [
        Comparison(**{**vars(one), "p_value": p_values[one.metric.name, one.version]})
        for one in further
    ]
    for metric in design.guardrails:
        found += _compared(design, requests, metric, "guardrail", each, planned)
    return found


def _compared(
    design: Experiment,
    requests: Requests,
    metric: ExperimentMetric,
    role: Role,
    alpha: float,
    planned: float,
) -> list[Comparison]:
    effects, left = _effects(design, requests, metric, alpha, planned)
    found = []
    for arm, effect in zip(design.arms[1:], effects, strict=True):
        held: Guard | None = None
        if isinstance(metric, Guardrail):
            direction: Literal["higher", "lower"] = (
                "higher" if metric.goal == "increase" else "lower"
            )
            held = guard(effect, metric.margin, direction)
        found.append(
            Comparison(metric, role, arm.version, effect, alpha, effect.p_value, held, left)
        )
    return found


def _effects(
    design: Experiment,
    requests: Requests,
    metric: ExperimentMetric,
    alpha: float,
    planned: float,
) -> tuple[list[Effect], float]:
    """Of each arm against the control, and the variance that CUPED has left.

    Events that are rare, or nearly always come, have no normal mean yet: users that met one are
    compared, exactly.
    """
    events = events_by_arm(requests, metric, len(design.arms))
    if events and any(min(one.events, one.trials - one.events) < RARE for one in events):
        return [rate_difference(events[0], one, alpha) for one in events[1:]], 1.0
    sums = sums_by_arm(requests, metric, len(design.arms))
    summaries: Sequence[Summary] = adjusted(sums)
    left = variance_left(sums) if requests.covariate is not None else 1.0
    return [mean_difference(summaries[0], one, alpha, planned) for one in summaries[1:]], left


def _arms(
    design: Experiment,
    phase: Phase,
    requests: Requests,
    measured: Mapping[str, Measured],
    users: Sequence[int],
) -> list[ArmFound]:
    metric = design.primary_metric
    sums = sums_by_arm(requests, metric, len(design.arms))
    came = requests.rewards.get(metric.name)
    found = []
    for place, (arm, slots) in enumerate(zip(design.arms, phase.slots, strict=True)):
        own = requests.arm == place
        rewarded = own & ~requests.fallback
        if came is not None:
            rewarded = rewarded & (came.source >= 0)
        one = sums[place]
        found.append(
            ArmFound(
                arm.version,
                slots / 100,
                users[place],
                sum(users) * slots / sum(phase.slots),
                int(own.sum()),
                int((own & requests.fallback).sum()),
                int(rewarded.sum()),
                one.y / one.count if one.count else math.nan,
                model_metrics(measured.get(arm.version, Measured())),
            )
        )
    return found


def _counts(design: Experiment, requests: Requests) -> dict[str, int]:
    """Each request of the log is among these once; rewards are those of the primary metric."""
    found = {
        "took_part": len(requests.arm),
        **requests.left_out.to_json(),
        "fallback": int(requests.fallback.sum()),
    }
    name = design.primary_metric.name
    came = requests.rewards.get(name)
    if name in OF_EVERY_REQUEST or came is None:
        return found
    has_one = came.source >= 0
    return found | {
        "rewarded": int(has_one.sum()),
        "rewarded_fallback": int((has_one & requests.fallback).sum()),
        "late_rewards": int(came.is_late.sum()),
        "duplicate_rewards": came.duplicates,
        "unknown_rewards": came.unknown,
    }
