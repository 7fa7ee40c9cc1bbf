"""The project's goals for a run, which its report holds against what was measured: one class each.

A goal decides nothing: what is blessed is said by `evaluation.thresholds`, and what stops a run by
`data_gate`. A new kind is a class with a `kind` and `measure`, and its name in `Goal` at the end.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from taxiway.section import Frozen


class Found(NamedTuple):
    """What a goal is held against."""

    value: float | None
    """None where it is not on record."""
    told: str
    """What it is of, or why there is none."""


@dataclass(frozen=True)
class MeasuredSlice:
    """Metrics of some rows."""

    name: str
    """Such as `origin=JFK`."""
    metrics: Mapping[str, float | None]
    is_ranked: bool = True
    """Whether it has the rows that evaluation.min_slice_rows asks for."""


@dataclass(frozen=True)
class Measured:
    """All that goals may be about; what a run did not reach is empty."""

    metrics: Mapping[str, float | None] = field(default_factory=dict)
    slices: Sequence[MeasuredSlice] = ()
    latencies_ms: Mapping[str, float] = field(default_factory=dict)
    """InfraValidator's, by percentile."""
    answers: Mapping[str, int] = field(default_factory=dict)
    """Rows by how a Binary model answered them; see `Worth`."""
    cost: float | None = None
    """Of the CPU time."""
    currency: str = ""


class _Bounded(Frozen):
    """Base of all goals."""

    name: str = ""
    """What the report calls it; empty means in the goal's own words."""
    at_least: float | None = None
    """The smallest value that meets it."""
    at_most: float | None = None
    """The largest value that meets it."""

    @model_validator(mode="after")
    def _says_something(self) -> _Bounded:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a goal needs at_least or at_most")
        return self

    @abstractmethod
    def measure(self, measured: Measured) -> Found:
        """The value that the bounds are for."""

    def is_met(self, value: float) -> bool:
        """Whether a value is within the bounds."""
        low, high = self.at_least, self.at_most
        return (low is None or value >= low) and (high is None or value <= high)


class MetricGoal(_Bounded):
    """A metric of the Evaluator's, on all rows or on one slice."""

    kind: Literal["metric"]
    metric: str
    """Name of one of `evaluation.metrics`."""
    slice: str = ""
    """As reports call it, such as `origin=JFK`; empty means all rows."""

    def measure(self, measured: Measured) -> Found:
        """The metric's value."""
        where = f"{self.metric} on {self.slice or 'all rows'}"
        of_slices = {one.name: one.metrics for one in measured.slices}
        metrics = of_slices.get(self.slice) if self.slice else measured.metrics
        value = (metrics or {}).get(self.metric)
        return Found(value, where if value is not None else f"{where} was not measured")


class FairnessGoal(_Bounded):
    """How far apart a metric is on the values of a column that slices are made by."""

    kind: Literal["fairness"]
    metric: str
    """Name of one of `evaluation.metrics`."""
    column: str
    """One of `evaluation.slices` by itself; slices below evaluation.min_slice_rows do not count."""

    def measure(self, measured: Measured) -> Found:
        """Largest minus smallest value among the column's slices."""
        found = {
            one.name: value
            for one in measured.slices
            if one.is_ranked
            and one.name.startswith(f"{self.column}=")
            and ", " not in one.name
            and (value := one.metrics.get(self.metric)) is not None
        }
        if len(found) < 2:
            return Found(None, f"{self.metric} is known on {len(found)} slices by {self.column}")
        low, high = min(found, key=lambda key: found[key]), max(found, key=lambda key: found[key])
        told = f"{self.metric} between {low} and {high}"
        return Found(found[high] - found[low], told)


class LatencyGoal(_Bounded):
    """How long a request took InfraValidator's worker, in milliseconds."""

    kind: Literal["latency"]
    percentile: Literal["p50", "p95", "p99"] = "p99"
    """Of the requests that it sent."""

    def measure(self, measured: Measured) -> Found:
        """The percentile, in milliseconds."""
        value = measured.latencies_ms.get(self.percentile)
        told = f"{self.percentile} of a request, in ms"
        return Found(value, told if value is not None else f"{told}, was not measured")


class Worth(Frozen):
    """What each kind of answer of a Binary model is worth, in the unit of the goal."""

    true_positive: float = 0.0
    """It said yes, rightly."""
    false_positive: float = 0.0
    """It said yes, and it was no."""
    true_negative: float = 0.0
    """It said no, rightly."""
    false_negative: float = 0.0
    """It said no, and it was yes."""


class BusinessGoal(_Bounded):
    """What the answers of a Binary model are worth to the business, on average for each row."""

    kind: Literal["business"]
    worth: Worth
    unit: str = ""
    """Such as EUR."""

    def measure(self, measured: Measured) -> Found:
        """The mean worth of an answer, where yes is a probability above 0.5."""
        rows = sum(measured.answers.values())
        if not rows:
            return Found(None, "the answers of a Binary model were not counted")
        worth = self.worth.model_dump()
        total = sum(worth[kind] * count for kind, count in measured.answers.items())
        return Found(total / rows, f"{self.unit} for each row".strip())


class CostGoal(_Bounded):
    """What a run costs: the CPU hours of its nodes, at the price of `cost.per_core_hour`."""

    kind: Literal["cost"]

    def measure(self, measured: Measured) -> Found:
        """The price, in the unit of `cost.currency`."""
        if measured.cost is None:
            return Found(None, "cost.per_core_hour is not given, or CPU time was not measured")
        return Found(measured.cost, f"{measured.currency} for the nodes' CPU time".strip())


Goal = MetricGoal | FairnessGoal | LatencyGoal | BusinessGoal | CostGoal
"""An item of `goals`: every kind of goal, joined by `|`."""
Goals = tuple[Annotated[Goal, Field(discriminator="kind")], ...]
