"""The documents about rollouts and experiments, as OpenAPI describes them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class ArmOfRoute(_Document):
    """A version that has a share of the traffic."""

    name: str
    """`stable`, or the version's name."""
    version: str
    weight: float
    """Percent of the requests that the route splits."""


class RouteDocument(_Document):
    """How a model's traffic is split, and the move that made it so."""

    revision: int
    arms: list[ArmOfRoute]
    audience: list[str]
    """Conditions, in words, that hold for those whose requests are split; empty for everyone."""
    mirror: str
    """The version that gets copies of requests; empty for none."""
    mirror_percent: float
    """Of the requests, that are copied."""
    policy: str
    """What chooses between the arms in place of their weights; empty for the weights."""
    action: str
    moved_by: str
    moved_at: str
    reason: str


class MeanReward(_Document):
    """Rewards of one name."""

    count: int
    mean: float | None


class ArmMeasured(_Document):
    """What all gateways have measured of a version; null where it is not known."""

    version: str
    segment: str
    """audience: requests that the route splits; others: those outside of it; shadow: copies."""
    requests: int
    error_rate: float | None
    """Of the requests."""
    nan_rate: float | None
    """Of the rows that it answered."""
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    score: float | None
    """The mean."""
    rewards: dict[str, MeanReward]


class ShadowMeasured(_Document):
    """A shadow's answers beside those that were sent."""

    version: str
    compared: int
    """Rows."""
    agreement: float | None
    """Share of the rows whose answers are equal."""
    drift: float | None
    """Of the mean score: the shadow's less the primary's."""
    dropped: int
    """Requests that were not copied, as the shadow was too slow or too busy."""
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    primary_p50_ms: float | None
    """Of the version whose answers were sent."""
    primary_p99_ms: float | None


class RolloutDocument(_Document):
    """How a model's traffic is, and the rollout that moves it."""

    model: str
    environment: str
    route: RouteDocument | None
    """Null where nothing was deployed yet."""
    undo: list[ArmOfRoute]
    """What `undo` would go back to; empty where there is nothing."""
    rollout: dict[str, Any] | None
    """The open one, or else the last that was; with its `steps` in words, its newest `looks` and
    `events`. Null where there never was one."""
    measured_since: int
    """The first revision of the route that `arms` and `shadow` are of."""
    arms: list[ArmMeasured]
    shadow: ShadowMeasured | None
    moves: list[RouteDocument]
    """Newest first, the current one included."""


class ArmOfExperiment(_Document):
    """An arm, as gateways see it now."""

    version: str
    weight: float
    """Percent, as designed; a bandit goes by what it has learnt."""
    requests: int
    share: float | None
    """Of the experiment's requests, that it had."""
    rewards: int
    mean: float | None
    """Of the primary metric."""
    error_rate: float | None
    latency_p99_ms: float | None


class LiveEffect(_Document):
    """An arm beside the control, each request counted as one; bounds hold at all looks."""

    version: str
    effect: float | None
    lower: float | None
    upper: float | None
    p_value: float
    alpha: float
    """That the bounds hold for: all arms' together."""


class ExperimentDocument(_Document):
    """The experiment of a model that runs, or else the last that did."""

    model: str
    environment: str
    experiment: dict[str, Any] | None
    """As it was designed, and what came of it; null where there never was one."""
    metric: str
    """The primary one."""
    goal: str
    """increase or decrease."""
    moved: str
    """How traffic was moved since by other hands; empty where it was not."""
    updates: int | None
    """How often its policy has learnt; null where none learns."""
    arms: list[ArmOfExperiment]
    effects: list[LiveEffect]
    """By live rewards; `taxiway experiment status` judges users, by the log."""
    no_effects: str
    """Why there are none; empty where there are."""
