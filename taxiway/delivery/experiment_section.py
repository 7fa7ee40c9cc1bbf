"""The `delivery.experiment` section: versions that are compared on users, and by what."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from taxiway.delivery.audience import Audience
from taxiway.delivery.policies import Policy
from taxiway.delivery.policies.counted.weights import Weights
from taxiway.registry.routes.route import SLOTS
from taxiway.section import Fraction, Frozen, Name

MOST_ARMS: Final = 20
LATENCY: Final = "latency_ms"
FALLBACK: Final = "fallback"
OF_EVERY_REQUEST: Final = (LATENCY, FALLBACK)
"""Metrics that the log has of each request, whether a reward came or not."""


class ExperimentArm(Frozen):
    """A version that takes part."""

    version: str
    """Such as 1.2.7 or @champion."""
    weight: Annotated[float, Field(gt=0, le=100)] | None = None
    """Percent of the audience's requests; null in every arm for equal shares."""


class ExperimentMetric(Frozen):
    """One thing that arms are compared by."""

    name: str = "reward"
    """Of a reward as it is posted; `latency_ms` and `fallback` are what the log has of every
    request: how long it took, and whether the arm's version failed it."""
    goal: Literal["increase", "decrease"] = "increase"
    """Which way is better."""
    per: Literal["request", "user"] = "request"
    """request: the mean of requests; user: a user's total, zero for one without any. Either way
    users are compared, as far as requests say whose they are."""
    missing: Literal["left_out", "zero"] = "left_out"
    """What a request without a reward counts as; zero for what is only posted when it happens,
    such as a purchase."""


class Baseline(Frozen):
    """What the metric is without the experiment."""

    mean: float
    """Of the metric."""
    standard_deviation: Annotated[float, Field(gt=0)]
    """Of one user, or of one request where requests do not say whose they are."""


class PrimaryMetric(ExperimentMetric):
    """What the experiment is decided by."""

    effect: Annotated[float, Field(gt=0)]
    """The smallest that is worth acting on: a difference of the metric, in its own units."""
    baseline: Baseline | None = None
    """For the plan; null for what the log has of the control."""


class Guardrail(ExperimentMetric):
    """What must not get worse, whatever the primary metric gains."""

    margin: Annotated[float, Field(gt=0)]
    """How much worse is still borne, in the metric's own units: non-inferiority."""


class Experiment(Frozen):
    """Versions that are compared on users: A/B/n, or with a bandit as the policy."""

    name: Name
    """Of the experiment, once for each model and environment."""
    arms: Annotated[tuple[ExperimentArm, ...], Field(min_length=2, max_length=MOST_ARMS)]
    """The first is the control."""
    audience: Audience = Audience()
    """Whose requests take part; the others' all go to the control."""
    policy: Policy = Weights(kind="weights")
    """What chooses between the arms: weights for A/B/n, or a bandit, which learns from the primary
    metric's reward."""
    primary_metric: PrimaryMetric
    secondary_metrics: tuple[ExperimentMetric, ...] = ()
    """That are told beside it, corrected for their number."""
    guardrails: tuple[Guardrail, ...] = ()
    """A version that breaks one is not shipped."""
    covariate: str = ""
    """Column that was known before the experiment and goes with the metric, for CUPED; empty for
    none."""
    alpha: Fraction = 0.05
    """Of wrongly calling an effect real, over all looks and arms."""
    power: Fraction = 0.8
    """Of finding an effect of `primary_metric.effect`."""
    traffic_per_day: Annotated[float, Field(gt=0)] | None = None
    """Users, or requests where they do not say whose they are; null for what the log says."""
    minimum_days: Annotated[float, Field(ge=0, le=365)] = 7.0
    """Before which nothing is recommended but to keep running: weekends are users too."""
    minimum_sample: Annotated[int, Field(ge=2)] = 100
    """Of each arm, before which nothing is recommended."""
    auto: bool = False
    """true: gateways act on the recommendation; versions must be approved all the same."""

    @model_validator(mode="after")
    def _is_a_split(self) -> Experiment:
        names = [arm.version for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"arms: a version is there twice: {', '.join(names)}")
        weights = [arm.weight for arm in self.arms]
        given = [one for one in weights if one is not None]
        if given and (len(given) < len(weights) or abs(sum(given) - 100) > 1e-6):
            raise ValueError(
                f"arms: expected weights of 100 percent in all, or none, got {sum(given):g} in "
                f"{len(given)} of {len(weights)} arms"
            )
        if any(one.weight is not None and not _is_whole(one.weight) for one in self.arms):
            raise ValueError("arms: expected weights with two decimals at most")
        told = [one.name for one in (self.primary_metric, *self.secondary_metrics)]
        if len(set(told)) < len(told):
            raise ValueError(f"a metric is both primary and secondary, or twice: {', '.join(told)}")
        guarded = [one.name for one in self.guardrails]
        if len(set(guarded)) < len(guarded):
            raise ValueError(f"guardrails: a metric is there twice: {', '.join(guarded)}")
        return self

    @model_validator(mode="after")
    def _can_choose(self) -> Experiment:
        metric = self.primary_metric
        if isinstance(self.policy, Weights) and self.policy.weights:
            raise ValueError("policy.weights: the weights of an experiment are those of its arms")
        if self.learns and metric.goal == "decrease":
            raise ValueError(
                f"policy: {self.policy.kind} learns to increase the reward; post it with the other "
                "sign, and have primary_metric.goal be increase"
            )
        if self.learns and metric.name in OF_EVERY_REQUEST:
            raise ValueError(
                f"policy: {self.policy.kind} learns from rewards that are posted, and "
                f"primary_metric.name is {metric.name}"
            )
        return self

    @property
    def learns(self) -> bool:
        """Whether its policy is a bandit, which chooses anew for every request."""
        return not isinstance(self.policy, Weights)

    @property
    def slots(self) -> tuple[int, ...]:
        """Of each arm, as a route has them; of equal shares the control has what is left over."""
        if self.arms[0].weight is None:
            each = SLOTS // len(self.arms)
            return (SLOTS - each * (len(self.arms) - 1), *[each] * (len(self.arms) - 1))
        return tuple(round(arm.weight * SLOTS / 100) for arm in self.arms if arm.weight)


def _is_whole(percent: float) -> bool:
    slots = percent * SLOTS / 100
    return abs(slots - round(slots)) < 1e-6
