"""Sums as TFMA's metrics of each slice: derived, compared with the baseline, with intervals."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorflow_model_analysis.api import types
from tensorflow_model_analysis.evaluators import confidence_intervals_util, poisson_bootstrap
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.proto import metrics_for_slice_pb2
from tensorflow_model_analysis.utils import model_util

from taxiway.arrow.evaluator.plan import Plan
from taxiway.arrow.evaluator.slices import SliceKey
from taxiway.arrow.evaluator.sums import Sums
from taxiway.arrow.evaluator.vectorized import Metrics

WHOLE = -1
"""The rows as they are, as replicates are numbered."""


@dataclass(frozen=True)
class Slice:
    """What is known of a slice."""

    key: SliceKey
    metrics: Metrics
    """Metrics and plots as TFMA's evaluator would give them to its writers."""
    bounded: Metrics
    """Metrics with an interval by formula, to be written in place of those without."""


def sliced(plan: Plan, sums: Sums) -> list[Slice]:
    """Every slice that has rows, the whole first."""
    found = dict(_computed(plan, sums, WHOLE))
    bounded = {key: dict(_bounded(plan, metrics)) for key, metrics in found.items()}
    if plan.replicates:
        found = _with_intervals(plan, sums, found)
    result = []
    for key in sorted(found, key=lambda key: (len(key), str(key))):
        metrics = found[key]
        for computation in plan.after_intervals:
            metrics.update(computation.result(metrics))
        public = {k: v for k, v in metrics.items() if not _is_private(k)}
        result.append(Slice(key, public, bounded[key]))
    return result


def _bounded(plan: Plan, metrics: Metrics) -> Iterator[tuple[Any, Any]]:
    for key, formula in plan.formulas.items():
        interval = formula(metrics)
        if interval:
            bounded = metrics_for_slice_pb2.BoundedValue()
            bounded.value.value = metrics[key]
            bounded.lower_bound.value, bounded.upper_bound.value = interval
            yield key, bounded


def _computed(plan: Plan, sums: Sums, replicate: int) -> Iterator[tuple[SliceKey, Metrics]]:
    """Metrics of each slice; TFMA's private ones are still among them."""
    parts = {measure: sums.of(measure, replicate) for measure in plan.measures}
    baseline = model_util.get_baseline_model_spec(plan.eval_config)
    for key in sums.slices:
        metrics: Metrics = {}
        # Sums of a class that has no row are zero, and so is what some metrics divide by.
        with np.errstate(all="ignore"):
            for combiner in plan.combiners:
                metrics.update(combiner.output(parts[combiner.measure][key]))
            for computation in plan.derived:
                metrics.update(computation.result(metrics))
            if baseline:
                metrics.update(_differences(metrics, baseline.name))
        yield key, metrics


def _differences(metrics: Metrics, baseline: str) -> Metrics:
    """Candidate minus baseline of every public number."""
    found = {}
    for key, value in metrics.items():
        other = key.make_baseline_key(baseline)
        if key.is_diff or key.model_name == baseline or other not in metrics or _is_private(key):
            continue
        if _is_number(value):
            found[key.make_diff_key()] = value - metrics[other]
    return found


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return bool(np.issubdtype(value.dtype, np.number))
    return isinstance(value, (numbers.Number, types.StructuredMetricValue))


def _is_private(key: metric_types.MetricKey) -> bool:
    return key.name.startswith("_") and not key.name.startswith("__")


def _with_intervals(
    plan: Plan, sums: Sums, found: dict[SliceKey, Metrics]
) -> dict[SliceKey, Metrics]:
    """The Poisson bootstrap, with TFMA's own way from samples to t-distributions."""
    specs = list(plan.eval_config.metrics_specs)
    combine = poisson_bootstrap._BootstrapSampleCombineFn(
        num_bootstrap_samples=plan.replicates,
        skip_ci_metric_keys=metric_specs.metric_keys_to_skip_for_confidence_intervals(
            specs, eval_config=plan.eval_config
        ),
    )
    sample = confidence_intervals_util.SampleMetrics
    samples = {key: combine.create_accumulator() for key in found}
    for key, metrics in found.items():
        combine.add_input(
            samples[key], sample(copy.copy(metrics), poisson_bootstrap._FULL_SAMPLE_ID)
        )
    for replicate in range(plan.replicates):
        for key, metrics in _computed(plan, sums, replicate):
            public = {k: v for k, v in metrics.items() if not _is_private(k)}
            combine.add_input(samples[key], sample(public, replicate))
    with np.errstate(all="ignore"):
        return {key: combine.extract_output(of_slice) for key, of_slice in samples.items()}
