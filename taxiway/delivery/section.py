"""The `delivery` section: how a new version gets to users. Its words are Argo Rollouts'."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from taxiway.delivery.analysis.conditions import condition
from taxiway.delivery.audience import Audience
from taxiway.delivery.experiment_section import Experiment
from taxiway.errors import ConfigError
from taxiway.section import Frozen, Seconds

Percent = Annotated[float, Field(ge=0, le=100)]


class HeaderKey(Frozen):
    """A header says whose a request is."""

    kind: Literal["header"]
    name: str = "x-targeting-key"
    """Of the header; over gRPC, of the metadata."""


class CookieKey(Frozen):
    """A cookie says whose a request is."""

    kind: Literal["cookie"]
    name: str
    """Of the cookie."""


class ColumnKey(Frozen):
    """A column of its first row says whose a request is."""

    kind: Literal["column"]
    name: str
    """Of the column."""


Key = Annotated[HeaderKey | CookieKey | ColumnKey, Field(discriminator="kind")]


class Metric(Frozen):
    """One thing that is compared between the new version and the stable one."""

    name: Literal[
        "error_rate", "latency_p50", "latency_p95", "latency_p99", "nan_rate", "score", "reward"
    ]
    """reward: its mean; score: how its answers are distributed."""
    reward: str = "reward"
    """Name of the reward, of the metric reward."""
    successCondition: str = ""
    """Such as `upper < 0.01`, over stable, canary, difference, lower and upper: canary less stable
    and its bounds, of latencies and rewards as a share of stable; empty for what is usual."""
    failureCondition: str = ""
    """As `successCondition`; what is neither is inconclusive."""
    margin: Annotated[float, Field(ge=0)] | None = None
    """How much worse is borne where no condition is given; null for what is usual of the metric."""

    @field_validator("successCondition", "failureCondition")
    @classmethod
    def _is_condition(cls, text: str) -> str:
        if text:
            try:
                condition(text)
            except ConfigError as error:
                raise ValueError(error.message) from error
        return text


class Analysis(Frozen):
    """Looks at evidence so many times, at intervals; the tests allow looking often."""

    interval: Seconds = 60.0
    """Between two looks."""
    count: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Looks that must be good."""
    failureLimit: Annotated[int, Field(ge=0)] = 0
    """Bad looks that are borne; one more, and all traffic goes back."""
    inconclusiveLimit: Annotated[int, Field(ge=0)] = 100
    """Looks that are borne which tell nothing; one more, and the rollout waits for someone."""
    fewest: Annotated[int, Field(ge=1)] = 100
    """Observations of each version below which a look tells nothing, whatever it finds."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """How often a version that is no worse may fail, over all metrics and looks together."""
    metrics: tuple[Metric, ...] = (
        Metric(name="error_rate"),
        Metric(name="latency_p99"),
        Metric(name="nan_rate"),
    )
    """That are compared."""


class Pause(Frozen):
    """Waits."""

    duration: Seconds | None = None
    """Seconds; null until `taxiway rollout resume`."""


class Step(Frozen):
    """One step of a rollout: exactly one of its keys."""

    setWeight: Percent | None = None
    """Of the audience's requests, to the new version."""
    pause: Pause | None = None
    analysis: Analysis | None = None
    setAudience: Audience | None = None
    """From here on; one without conditions is everyone."""
    setMirror: Percent | None = None
    """Of the requests, copied to the new version, whose answers are compared and thrown away."""

    @model_validator(mode="after")
    def _is_one(self) -> Step:
        given = [name for name in Step.model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a step has one key, got {', '.join(given) or 'none'}")
        return self


class AtOnce(Frozen):
    """A version that is deployed has all traffic as soon as it is ready. The default."""

    kind: Literal["at_once"]


class BlueGreen(Frozen):
    """All traffic at once, when every gateway has the new version ready."""

    kind: Literal["blue_green"]
    autoPromotionEnabled: bool = True
    """false: only when `taxiway rollout promote` says so."""


class Canary(Frozen):
    """By steps."""

    kind: Literal["canary"]
    steps: tuple[Step, ...]
    """After the last one it has all traffic."""

    @model_validator(mode="after")
    def _looks_at_something(self) -> Canary:
        has_any = False
        for number, step in enumerate(self.steps):
            has_any = has_any or bool(step.setWeight or step.setMirror)
            if step.analysis is not None and not has_any:
                raise ValueError(
                    f"steps.{number} is an analysis, and no step before it gives the new version "
                    "any requests: setWeight or setMirror"
                )
        return self


class Shadow(Frozen):
    """Copies of requests first, whose answers nobody gets."""

    kind: Literal["shadow"]
    percentage: Percent = 100.0
    """Of the requests."""
    analysis: Analysis = Analysis()
    autoPromotionEnabled: bool = False
    """true: all traffic when the analysis is good; else only when `taxiway rollout promote` says
    so."""

    @model_validator(mode="after")
    def _looks_at_what_is_there(self) -> Shadow:
        if any(metric.name == "reward" for metric in self.analysis.metrics):
            raise ValueError("nobody gets a shadow's answers, so there is no reward to compare")
        return self


Strategy = Annotated[AtOnce | BlueGreen | Canary | Shadow, Field(discriminator="kind")]


class Rewards(Frozen):
    """What gateways keep in memory to join rewards to decisions as they come; the log has all."""

    decisions: Annotated[int, Field(ge=1, le=10**7)] = 100_000
    """Of each model, that a gateway remembers while its requests are split: the newest. A decision
    takes about half a kilobyte."""
    seconds: Seconds = 3600.0
    """For which it does, and for which a reward waits for a gateway that has its decision."""


class Delivery(Frozen):
    """How a new version gets to users, and how versions are compared on them."""

    key: Key | None = None
    """What says whose a request is. Where it says nothing, and for null: the header
    X-Targeting-Key, else the column `serving.log.key`."""
    strategy: Strategy = AtOnce(kind="at_once")
    """Of `taxiway rollout start`, and of what the deploy queue brings."""
    experiment: Experiment | None = None
    """What `taxiway experiment start` starts; null for none."""
    progress_deadline_seconds: Seconds = 600.0
    """How long gateways may take to have a step's versions ready; then all traffic goes back."""
    lease_seconds: Annotated[float, Field(gt=0, le=600)] = 3.0
    """For how long the gateway that moves a rollout on holds it; another goes on after that."""
    rewards: Rewards = Rewards()
