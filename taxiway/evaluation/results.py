"""What the Evaluator wrote: metrics of each slice, and why a model was not blessed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from taxiway.evaluation.metrics import Ranking

OVERALL = "overall"


@dataclass(frozen=True)
class SliceMetrics:
    """Metrics of one slice; `name` is `overall` or like `carrier=UA`."""

    name: str
    metrics: dict[str, float]
    change: dict[str, float]
    """Candidate minus baseline; empty where there was no baseline."""


def read_metrics(evaluation_uri: str) -> list[SliceMetrics]:
    """Metrics of the candidate on every slice that was measured, the whole first, then by name."""
    candidate = tfma.load_eval_result(evaluation_uri, model_name=_candidate_name(evaluation_uri))
    found = []
    for key, outputs in candidate.slicing_metrics:
        values, change = _numbers(outputs)
        if values:
            found.append(SliceMetrics(_slice_name(key), values, change))
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
    reasons = []
    for per_slice in result.metric_validations_per_slice:
        name = _slice_name(
            tuple(
                (key.column, getattr(key, key.WhichOneof("kind")))
                for key in per_slice.slice_key.single_slice_keys
            )
        )
        reasons += [_reason(failure, name) for failure in per_slice.failures]
    missing = [
        _slice_name(tuple((key, "any") for key in spec.feature_keys))
        for spec in getattr(result, "missing_slices", [])
    ]
    return reasons + [f"no rows for the slices of {name}" for name in missing]


def _reason(failure: Any, slice_name: str) -> str:
    kind = "change in " if failure.metric_key.is_diff else ""
    if not failure.HasField("metric_value"):
        return f"{kind}{failure.metric_key.name} on {slice_name} has no value: {failure.message}"
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
    return f"{kind}{failure.metric_key.name} on {slice_name} is {value:.4f}, must be {wanted}"


def _candidate_name(evaluation_uri: str) -> str:
    """TFMA's name of the candidate: empty where it was evaluated without a baseline."""
    specs = tfma.load_eval_result(evaluation_uri, model_name="").config.model_specs
    return next((str(spec.name) for spec in specs if not spec.is_baseline), "")


def _numbers(outputs: Any) -> tuple[dict[str, float], dict[str, float]]:
    values: dict[str, float] = {}
    change: dict[str, float] = {}
    for by_class in outputs.values():
        for metrics in by_class.values():
            for name, value in metrics.items():
                bounded = value.get("boundedValue", {})
                number = value.get("doubleValue", bounded.get("value"))
                if number is None or not math.isfinite(float(number)):
                    continue
                if name.endswith("_diff"):
                    change[name.removesuffix("_diff")] = float(number)
                else:
                    values[name] = float(number)
    return values, change


def _slice_name(key: Any) -> str:
    parts = [
        f"{column}={value.decode() if isinstance(value, bytes) else value}"
        for column, value in (key or ())
    ]
    return ", ".join(parts) or OVERALL
