"""What the Evaluator wrote: metrics of each slice, and why a model was not blessed."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from taxiway.evaluation.metrics import HIDDEN, MEAN_LABEL, NEEDS, Class
from taxiway.evaluation.ranking import Ranking

OVERALL = "overall"
Interval = tuple[float, float]
ABSENT: Final[Mapping[Class, float]] = {"positive": 0.0, "negative": 1.0}
"""The mean label of rows none of which is of the class."""
DIVIDED_BY_ZERO: Final = "no row counts towards it"
NO_SPREAD: Final[Mapping[str, str]] = {
    "D2LogLoss": "all rows have the same label",
    "R2": "all rows have the same label",
    "SquaredPearsonCorrelation": "all rows have the same label, or the same prediction",
}
"""Why a class of metrics has no value where it divides by what varies."""


@dataclass(frozen=True)
class SliceMetrics:
    """Metrics of one slice; `name` is `overall` or like `carrier=UA`."""

    name: str
    metrics: dict[str, float]
    change: dict[str, float]
    """Candidate minus baseline; empty where there was no baseline."""
    undefined: dict[str, str] = field(default_factory=dict)
    """Metrics that have no value for these rows, and why: an AUC needs rows of both labels."""
    intervals: dict[str, Interval] = field(default_factory=dict)
    """95% intervals of metrics, as far as the Evaluator computed them."""
    change_intervals: dict[str, Interval] = field(default_factory=dict)
    """Likewise of changes, which formulas have none for (`evaluation.confidence`)."""

    def shown(self) -> dict[str, float | None]:
        """Every metric that was measured; None where it has no value."""
        return {**self.metrics, **dict.fromkeys(self.undefined)}


@functools.lru_cache(maxsize=4)
def loaded(evaluation_uri: str, model_name: str = "") -> Any:
    """What TFMA reads of an evaluation; kept, since several are asked for each part of a report.

    `loaded.cache_clear()` before the first of them: an attempt that failed may have left another
    evaluation in the same place.
    """
    return tfma.load_eval_result(evaluation_uri, model_name=model_name)


def read_metrics(evaluation_uri: str) -> list[SliceMetrics]:
    """Metrics of the candidate on every slice that was measured, the whole first, then by name."""
    loaded.cache_clear()
    candidate = loaded(evaluation_uri, candidate_name(evaluation_uri))
    kinds = dict(_kinds(candidate.config))
    found = []
    for key, outputs in candidate.slicing_metrics:
        read = _numbers(_slice_name(key), outputs, kinds)
        if read.metrics or read.undefined:
            found.append(read)
    return sorted(found, key=lambda item: (item.name != OVERALL, item.name))


def overall_metrics(slices: list[SliceMetrics]) -> dict[str, float]:
    """The metrics on the whole eval split."""
    return next((item.metrics for item in slices if item.name == OVERALL), {})


def worst_slices(slices: list[SliceMetrics], ranking: Ranking, count: int) -> list[SliceMetrics]:
    """The slices, the whole left out, on which the metric is worst."""
    known = [
        item
        for item in slices
        if item.name != OVERALL
        and ranking.metric in item.metrics
        and item.metrics.get("example_count", math.inf) >= ranking.min_rows
    ]
    sign = 1 if ranking.higher_is_better else -1
    return sorted(known, key=lambda item: sign * item.metrics[ranking.metric])[:count]


def blessing_reasons(evaluation_uri: str) -> list[str]:
    """One sentence for each bound that did not hold; empty where the model passed."""
    result = tfma.load_validation_result(evaluation_uri)
    if result.validation_ok:
        return []
    undefined = {item.name: item.undefined for item in read_metrics(evaluation_uri)}
    reasons = []
    for per_slice in result.metric_validations_per_slice:
        name = _slice_name(
            tuple(
                (key.column, getattr(key, key.WhichOneof("kind")))
                for key in per_slice.slice_key.single_slice_keys
            )
        )
        why = undefined.get(name, {})
        reasons += [_reason(failure, name, why) for failure in per_slice.failures]
    missing = [
        _slice_name(tuple((key, "any") for key in spec.feature_keys))
        for spec in getattr(result, "missing_slices", [])
    ]
    return reasons + [f"no rows for the slices of {name}" for name in missing]


def _reason(failure: Any, slice_name: str, undefined: Mapping[str, str]) -> str:
    kind = "change in " if failure.metric_key.is_diff else ""
    name = failure.metric_key.name
    if not failure.HasField("metric_value"):
        return f"{kind}{name} on {slice_name} has no value: {failure.message}"
    value = failure.metric_value.double_value.value
    bounds = []
    if failure.metric_threshold.HasField("value_threshold"):
        bound = failure.metric_threshold.value_threshold
        if bound.HasField("lower_bound"):
            bounds.append(f"at least {bound.lower_bound.value:g}")
        if bound.HasField("upper_bound"):
            bounds.append(f"at most {bound.upper_bound.value:g}")
    if failure.metric_threshold.HasField("change_threshold"):
        bound = failure.metric_threshold.change_threshold
        higher = bound.direction == config_pb2.MetricDirection.HIGHER_IS_BETTER
        bounds.append(f"{'at least' if higher else 'at most'} {bound.absolute.value:+g}")
    wanted = " and ".join(bounds) or failure.message
    found = f"is {value:.4f}"
    if name in undefined or not math.isfinite(value):
        found = f"has no value: {undefined.get(name) or _why(value, ())}"
    return f"{kind}{name} on {slice_name} {found}, must be {wanted}"


def candidate_name(evaluation_uri: str) -> str:
    """TFMA's name of the candidate: empty where it was evaluated without a baseline."""
    specs = loaded(evaluation_uri).config.model_specs
    return next((str(spec.name) for spec in specs if not spec.is_baseline), "")


def _kinds(config: Any) -> Iterator[tuple[str, str]]:
    """TFMA's classes of metrics by the metrics' names."""
    for metric in (metric for spec in config.metrics_specs for metric in spec.metrics):
        name = json.loads(metric.config or "{}").get("name")
        if name:
            yield name, metric.class_name


def _numbers(name: str, outputs: Any, kinds: Mapping[str, str]) -> SliceMetrics:
    read = SliceMetrics(name, {}, {})
    by_parts = (outputs or {}).values()  # none where there are plots only
    for metrics in (metrics for by_part in by_parts for metrics in by_part.values()):
        mean = _number(metrics.get(MEAN_LABEL, {}))
        for key, value in metrics.items():
            number, of = _number(value), key.removesuffix("_diff")
            if number is None or of.startswith(HIDDEN):
                continue
            kind = kinds.get(of, "")
            absent = [one for one in NEEDS.get(kind, ()) if mean == ABSENT[one]]
            if absent or not math.isfinite(number):
                if of == key:
                    read.undefined[of] = _why(number, absent, kind)
                continue
            is_change = of != key
            (read.change if is_change else read.metrics)[of] = number
            interval = _interval(value)
            if interval:
                (read.change_intervals if is_change else read.intervals)[of] = interval
    return read


def _why(number: float, absent: Sequence[Class], kind: str = "") -> str:
    if absent:
        return f"no row has a {absent[0]} label"
    return "it is infinite" if math.isinf(number) else NO_SPREAD.get(kind, DIVIDED_BY_ZERO)


def _number(value: Any) -> float | None:
    """Of TFMA's value of a metric; None where it is several, or a plot."""
    number = value.get("doubleValue", value.get("boundedValue", {}).get("value"))
    return None if number is None else float(number)


def _interval(value: Any) -> Interval | None:
    """Of TFMA's value of a metric; None where there is none, or it is infinite."""
    bounded = value.get("boundedValue", {})
    ends = [float(bounded[end]) for end in ("lowerBound", "upperBound") if end in bounded]
    return (ends[0], ends[1]) if len(ends) == 2 and all(map(math.isfinite, ends)) else None


def _slice_name(key: Any) -> str:
    parts = [
        f"{column}={value.decode() if isinstance(value, bytes) else value}"
        for column, value in (key or ())
    ]
    return ", ".join(parts) or OVERALL
