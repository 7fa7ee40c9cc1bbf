"""What the Evaluator wrote for the report to draw: confusions of classes, buckets of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

from taxiway.evaluation.eval_config import ANSWERS, CONFUSION
from taxiway.evaluation.metrics import TaskName
from taxiway.evaluation.results import candidate_name, loaded

NO_CLASS = -1
"""The predicted class of a row whose answers are all 0."""


class Judged(NamedTuple):
    """What a model was judged by."""

    task: TaskName | None
    """None where the evaluation is not one that Taxiway asked for."""
    label: str
    weight: str


class Bucket(NamedTuple):
    """Rows whose prediction, or residual, is between two numbers."""

    low: float
    high: float
    label: float
    """Sum of the labels."""
    prediction: float
    """Sum of the predictions."""
    rows: float


def judged(evaluation_uri: str) -> Judged:
    """The task, and the columns of label and weight."""
    config = loaded(evaluation_uri).config
    spec = next(one for one in config.model_specs if not one.is_baseline)
    tasks = {answer: task for task, answer in ANSWERS.items()}
    return Judged(tasks.get(spec.prediction_key), spec.label_key, spec.example_weight_key)


def confusions(evaluation_uri: str) -> dict[tuple[int, int], int]:
    """Rows of the whole by the numbers of their actual and predicted class; empty without."""
    result = loaded(evaluation_uri, candidate_name(evaluation_uri))
    whole: Mapping[str, Any] = next(
        (outputs for key, outputs in result.slicing_metrics if key == ()), {}
    )
    for metrics in (of_part for by_part in whole.values() for of_part in by_part.values()):
        if CONFUSION in metrics:
            return dict(_counted(metrics[CONFUSION]))
    return {}


def _counted(value: Mapping[str, Any]) -> Iterator[tuple[tuple[int, int], int]]:
    """From JSON of TFMA's, which leaves out what is 0."""
    for matrix in value.get("confusionMatrixAtThresholds", {}).get("matrices", ()):
        of_two = ("trueNegatives", "falsePositives"), ("falseNegatives", "truePositives")
        for actual, names in enumerate(of_two):
            for predicted, name in enumerate(names):
                yield (actual, predicted), round(matrix.get(name, 0))
    of_several = value.get("multiClassConfusionMatrixAtThresholds", {})
    for matrix in of_several.get("matrices", ()):
        for entry in matrix.get("entries", ()):
            key = entry.get("actualClassId", 0), entry.get("predictedClassId", 0)
            yield key, round(entry.get("numWeightedExamples", 0))


def buckets(evaluation_uri: str, plot: str) -> list[Bucket]:
    """The buckets of one of the plots that the report is drawn from, of the whole, by rising numbers."""
    model = candidate_name(evaluation_uri)
    return [
        Bucket(
            one.lower_threshold_inclusive,
            one.upper_threshold_exclusive,
            one.total_weighted_label.value,
            one.total_weighted_refined_prediction.value,
            one.num_weighted_examples.value,
        )
        for of_slice in writer.load_and_deserialize_plots(evaluation_uri)
        if not of_slice.slice_key.single_slice_keys
        for found in of_slice.plot_keys_and_values
        if (found.key.name, found.key.model_name) == (plot, model)
        for one in found.value.calibration_histogram_buckets.buckets
    ]
