"""Our evaluation section as TFMA's EvalConfig."""

from __future__ import annotations

import json
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.metrics import METRICS
from configs.schema import Evaluation, Threshold
from models.signatures import PROBABILITY, SERVING


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
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[_metric(name, evaluation) for name in evaluation.metrics]
            )
        ],
    )


def _metric(name: str, evaluation: Evaluation) -> Any:
    metric = config_pb2.MetricConfig(
        class_name=METRICS[name].tfma_class, config=json.dumps({"name": name})
    )
    for threshold in evaluation.thresholds:
        if threshold.metric != name:
            continue
        # A bound in `metric.threshold` would hold on every slice; a spec without keys is the whole.
        metric.per_slice_thresholds.append(
            config_pb2.PerSliceMetricThreshold(
                slicing_specs=[
                    config_pb2.SlicingSpec(feature_keys=keys) for keys in threshold.slices
                ],
                threshold=_bound(threshold),
            )
        )
    return metric


def _bound(threshold: Threshold) -> Any:
    bound = config_pb2.MetricThreshold()
    if threshold.lower is not None:
        bound.value_threshold.lower_bound.value = threshold.lower
    if threshold.upper is not None:
        bound.value_threshold.upper_bound.value = threshold.upper
    if threshold.change is not None:
        higher = METRICS[threshold.metric].better == "higher"
        worst = threshold.change.worst_absolute
        bound.change_threshold.direction = (
            config_pb2.MetricDirection.HIGHER_IS_BETTER
            if higher
            else config_pb2.MetricDirection.LOWER_IS_BETTER
        )
        bound.change_threshold.absolute.value = -worst if higher else worst
    return bound
