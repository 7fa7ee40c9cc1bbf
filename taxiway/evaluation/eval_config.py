"""Our evaluation section as TFMA's EvalConfig."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from taxiway.config.evaluation import Analytic, Bootstrap, Confidence, Evaluation, Metric, Threshold
from taxiway.evaluation.defaults import for_task, task_name
from taxiway.evaluation.metrics import (
    HIDDEN,
    MEAN_LABEL,
    NEEDS,
    OWN,
    WHOLE,
    Part,
    TaskName,
    better,
    module_of,
    part_of,
    tfma_class,
)
from taxiway.modeling.names import LABELS, PROBABILITIES, PROBABILITY, SERVING, VALUE
from taxiway.modeling.spec import Binary, FeatureSpec, MultiClass, Task

ANSWERS: Final[Mapping[TaskName, str]] = {
    "Binary": PROBABILITY,
    "MultiClass": PROBABILITIES,
    "Regression": VALUE,
}
"""The output that is judged."""
CONFUSION: Final = f"{HIDDEN}confusion"
PREDICTIONS: Final = f"{HIDDEN}predictions"
RESIDUALS: Final = f"{HIDDEN}residuals"
UNWEIGHTED: Final = ("ExampleCount",)
"""Counts of rows, which TFMA would make sums of weights."""
PICTURES: Final[Mapping[TaskName, Sequence[tuple[str, str, Mapping[str, Any]]]]] = {
    "Binary": (
        ("ConfusionMatrixAtThresholds", CONFUSION, {"thresholds": [0.5]}),
        ("OctavePlot", PREDICTIONS, {"of": "prediction"}),
    ),
    "MultiClass": (("MultiClassConfusionMatrixAtThresholds", CONFUSION, {"thresholds": [0.0]}),),
    "Regression": (
        ("OctavePlot", PREDICTIONS, {"of": "prediction"}),
        ("OctavePlot", RESIDUALS, {"of": "residual"}),
    ),
}
"""What the report draws: TFMA's class, a name, options. Rows are counted, whatever they weigh."""


def eval_config(evaluation: Evaluation, spec: FeatureSpec) -> Any:
    """A `tfma.EvalConfig` for a model of a task, which answers under its serving signature.

    Raises:
      ConfigError: see `for_task`.
    """
    asked = for_task(evaluation, spec)
    metrics, thresholds = asked.metrics or (), asked.thresholds or ()
    slices = [(), *asked.slices]
    slices += [s for t in thresholds for s in t.slices if s not in slices]
    model = config_pb2.ModelSpec(
        signature_name=SERVING,
        label_key=spec.label,
        prediction_key=ANSWERS[task_name(spec.task)],
        example_weight_key=spec.weight,
        model_type=tfma.TF_GENERIC,
    )
    if model_has_labels(spec.task):
        model.preprocessing_function_names.append(LABELS)
    return config_pb2.EvalConfig(
        model_specs=[model],
        slicing_specs=[
            config_pb2.SlicingSpec(feature_keys=list(keys)) for keys in dict.fromkeys(slices)
        ],
        metrics_specs=[
            *_metrics_specs(metrics, thresholds),
            *_unweighted_specs(metrics, thresholds, task_name(spec.task)),
        ],
        options=_options(asked.confidence),
    )


def model_has_labels(task: Task) -> bool:
    """Whether labels are what the model makes of the column: the numbers of classes, or 0 and 1."""
    return isinstance(task, MultiClass) or (isinstance(task, Binary) and task.positive is not None)


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


def _metrics_specs(metrics: Sequence[Metric], thresholds: Sequence[Threshold]) -> list[Any]:
    """Metrics by the part of the predictions that they look at, the whole first.

    TFMA looks for the value of a threshold under the part that the *spec* names, and would not find
    that of a metric that names one among its own options.
    """
    by_part: dict[Part, list[Metric]] = {WHOLE: []}
    for metric in metrics:
        if tfma_class(metric) not in UNWEIGHTED:
            by_part.setdefault(part_of(metric), []).append(metric)
    specs = []
    for part, asked in by_part.items():
        made = [_metric(metric, part, thresholds) for metric in asked]
        if any(tfma_class(metric) in NEEDS for metric in asked) and part.top_k is None:
            made.append(_hidden("MeanLabel", MEAN_LABEL, {}))
        if made:
            specs.append(config_pb2.MetricsSpec(metrics=made, binarize=_binarize(part)))
    return specs


def _unweighted_specs(
    metrics: Sequence[Metric], thresholds: Sequence[Threshold], task: TaskName
) -> list[Any]:
    """What counts rows, and what the report draws."""
    counts = [one for one in metrics if tfma_class(one) in UNWEIGHTED]
    made = [_metric(metric, WHOLE, thresholds) for metric in counts]
    made += [_hidden(*picture) for picture in PICTURES[task]]
    weights = config_pb2.ExampleWeightOptions(unweighted=True)
    return [config_pb2.MetricsSpec(metrics=made, example_weights=weights)]


def _hidden(kind: str, name: str, options: Mapping[str, Any]) -> Any:
    return config_pb2.MetricConfig(
        class_name=kind,
        module=OWN if kind == "OctavePlot" else "",
        config=json.dumps({"name": name, **options}),
    )


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
    metric = config_pb2.MetricConfig(
        class_name=tfma_class(asked), module=module_of(asked), config=json.dumps(arguments)
    )
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
