"""Our evaluation section as TFMA's EvalConfig."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from taxiway.config.evaluation import Analytic, Bootstrap, Confidence, Evaluation, Metric, Threshold
from taxiway.evaluation.metrics import (
    MEAN_LABEL,
    NEEDS,
    WHOLE,
    Part,
    better,
    part_of,
    tfma_class,
)
from taxiway.modeling.names import PROBABILITY, SERVING


def eval_config(evaluation: Evaluation, label: str) -> Any:
    """A `tfma.EvalConfig` for a model that gives PROBABILITY under its serving signature."""
    slices = [(), *evaluation.slices]
    slices += [s for t in evaluation.thresholds for s in t.slices if s not in slices]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name=SERVING,
                label_key=label,
                prediction_key=PROBABILITY,
                model_type=tfma.TF_GENERIC,
            )
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(feature_keys=list(keys)) for keys in dict.fromkeys(slices)
        ],
        metrics_specs=_metrics_specs(evaluation),
        options=_options(evaluation.confidence),
    )


def asks_for_formulas(eval_config: Any) -> bool:
    """Whether intervals are those of formulas, for which TFMA has no word.

    It is said by confidence_intervals that are there and empty while they are not to be computed;
    TFMA takes that for none.
    """
    options = eval_config.options
    return bool(
        options.HasField("confidence_intervals") and not options.compute_confidence_intervals.value
    )


def _options(confidence: Confidence) -> Any | None:
    options = config_pb2.Options()
    if isinstance(confidence, Bootstrap):
        options.compute_confidence_intervals.value = True
        options.confidence_intervals.method = options.confidence_intervals.POISSON_BOOTSTRAP
        return options
    if isinstance(confidence, Analytic):
        options.confidence_intervals.SetInParent()
        return options
    return None


def _metrics_specs(evaluation: Evaluation) -> list[Any]:
    """Metrics by the part of the predictions that they look at, the whole first.

    TFMA looks for the value of a threshold under the part that the *spec* names, and would not find
    that of a metric that names one among its own options.
    """
    by_part: dict[Part, list[Metric]] = {WHOLE: []}
    for metric in evaluation.metrics:
        by_part.setdefault(part_of(metric), []).append(metric)
    specs = []
    for part, asked in by_part.items():
        metrics = [_metric(metric, part, evaluation.thresholds) for metric in asked]
        if any(tfma_class(metric) in NEEDS for metric in asked) and part.top_k is None:
            metrics.append(
                config_pb2.MetricConfig(
                    class_name="MeanLabel", config=json.dumps({"name": MEAN_LABEL})
                )
            )
        if metrics:
            specs.append(config_pb2.MetricsSpec(metrics=metrics, binarize=_binarize(part)))
    return specs


def _binarize(part: Part) -> Any | None:
    if part == WHOLE:
        return None
    options = config_pb2.BinarizationOptions()
    if part.class_id is not None:
        options.class_ids.values.append(part.class_id)
    if part.top_k is not None:
        options.top_k_list.values.append(part.top_k)
    return options


def _metric(asked: Metric, part: Part, thresholds: Sequence[Threshold]) -> Any:
    arguments = {"name": asked.name, **asked.typed_options(), **asked.options}
    if part != WHOLE:
        arguments = {key: value for key, value in arguments.items() if key not in Part._fields}
    metric = config_pb2.MetricConfig(class_name=tfma_class(asked), config=json.dumps(arguments))
    for threshold in thresholds:
        if threshold.metric != asked.name:
            continue
        # A bound in `metric.threshold` would hold on every slice; a spec without keys is the whole.
        metric.per_slice_thresholds.append(
            config_pb2.PerSliceMetricThreshold(
                slicing_specs=[
                    config_pb2.SlicingSpec(feature_keys=keys) for keys in threshold.slices
                ],
                threshold=_bound(threshold, asked),
            )
        )
    return metric


def _bound(threshold: Threshold, asked: Metric) -> Any:
    bound = config_pb2.MetricThreshold()
    if threshold.lower is not None:
        bound.value_threshold.lower_bound.value = threshold.lower
    if threshold.upper is not None:
        bound.value_threshold.upper_bound.value = threshold.upper
    if threshold.change is not None:
        higher = better(asked) == "higher"
        worst = threshold.change.worst_absolute
        bound.change_threshold.direction = (
            config_pb2.MetricDirection.HIGHER_IS_BETTER
            if higher
            else config_pb2.MetricDirection.LOWER_IS_BETTER
        )
        bound.change_threshold.absolute.value = -worst if higher else worst
    return bound
