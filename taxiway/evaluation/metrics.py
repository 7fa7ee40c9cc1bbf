"""The metrics a config may name, what TFMA calls each, and the tasks that it is for.

Adding one is one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from taxiway.config.evaluation import Metric

TaskName = Literal["Binary", "MultiClass", "Regression"]
"""Classes of taxiway.modeling.spec."""
OF_CLASS: Final = ("class_id",)
OF_CURVES: Final = ("num_thresholds", "class_id")
OF_MATRICES: Final = ("thresholds", "top_k", "class_id")
BINARY: Final[tuple[TaskName, ...]] = ("Binary",)
CLASSES: Final[tuple[TaskName, ...]] = ("MultiClass",)
NUMBER: Final[tuple[TaskName, ...]] = ("Regression",)
OWN: Final = "taxiway.evaluation.skill"
"""The module of metrics that TFMA has not."""


@dataclass(frozen=True)
class Known:
    """A TFMA or Keras metric class, which way is better (`target` has none), and its options."""

    tfma_class: str
    better: Literal["higher", "lower", "target"]
    tasks: tuple[TaskName, ...]
    """That it is right for as it is; one that takes class_id is for one class of MultiClass too."""
    options: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    module: str = ""
    """Of a class that is not TFMA's or Keras' own."""


METRICS: Final[Mapping[str, Known]] = {
    "auc": Known("AUC", "higher", BINARY, OF_CURVES),
    "auc_precision_recall": Known("AUCPrecisionRecall", "higher", BINARY, OF_CURVES),
    "balanced_accuracy": Known("BalancedAccuracy", "higher", BINARY, OF_MATRICES),
    "binary_accuracy": Known("BinaryAccuracy", "higher", BINARY, OF_MATRICES),
    "binary_crossentropy": Known("BinaryCrossEntropy", "lower", BINARY, OF_CLASS),
    "brier": Known("MeanSquaredError", "lower", BINARY, OF_CLASS),
    "calibration": Known("Calibration", "target", BINARY + NUMBER, OF_CLASS),
    "confusion_matrix_at_thresholds": Known(
        "ConfusionMatrixAtThresholds", "target", BINARY, OF_MATRICES, required=("thresholds",)
    ),
    "d2_log_loss": Known("D2LogLoss", "higher", BINARY + CLASSES, module=OWN),
    "example_count": Known("ExampleCount", "higher", BINARY + CLASSES + NUMBER),
    "f1": Known("F1Score", "higher", BINARY, OF_MATRICES),
    "false_negatives": Known("FalseNegatives", "lower", BINARY, OF_MATRICES),
    "false_positives": Known("FalsePositives", "lower", BINARY, OF_MATRICES),
    "mean_absolute_error": Known("MeanAbsoluteError", "lower", BINARY + NUMBER),
    "mean_absolute_percentage_error": Known("MeanAbsolutePercentageError", "lower", NUMBER),
    "mean_label": Known("MeanLabel", "target", BINARY + NUMBER, OF_CLASS),
    "mean_prediction": Known("MeanPrediction", "target", BINARY + NUMBER, OF_CLASS),
    "mean_squared_error": Known("MeanSquaredError", "lower", BINARY + NUMBER),
    "mean_squared_logarithmic_error": Known("MeanSquaredLogarithmicError", "lower", NUMBER),
    "precision": Known("Precision", "higher", BINARY, OF_MATRICES),
    "r2": Known("R2", "higher", NUMBER, module=OWN),
    "recall": Known("Recall", "higher", BINARY, OF_MATRICES),
    "root_mean_squared_error": Known("RootMeanSquaredError", "lower", BINARY + NUMBER),
    "sparse_categorical_accuracy": Known("SparseCategoricalAccuracy", "higher", CLASSES),
    "sparse_categorical_crossentropy": Known("SparseCategoricalCrossentropy", "lower", CLASSES),
    "specificity": Known("Specificity", "higher", BINARY, OF_MATRICES),
    "squared_pearson_correlation": Known("SquaredPearsonCorrelation", "higher", BINARY + NUMBER),
    "true_negatives": Known("TrueNegatives", "higher", BINARY, OF_MATRICES),
    "true_positives": Known("TruePositives", "higher", BINARY, OF_MATRICES),
    "weighted_example_count": Known("WeightedExampleCount", "higher", BINARY + CLASSES + NUMBER),
}
"""What TFMA and Keras have for one-hot labels, such as CategoricalAccuracy, is not among them: the
label of a MultiClass is the number of its class."""

OF_MATRIX_CLASSES: Final = frozenset(
    {
        *("ConfusionMatrixPlot", "DiagnosticOddsRatio", "FN", "FNR", "FP", "FPR", "FallOut"),
        *("FalseDiscoveryRate", "FalseOmissionRate", "FowlkesMallowsIndex", "Informedness"),
        *("Markedness", "MatthewsCorrelationCoefficient", "MaxRecall", "MissRate", "NPV"),
        *("NegativeLikelihoodRatio", "NegativePredictiveValue", "PPV", "PositiveLikelihoodRatio"),
        *("PrecisionAtRecall", "PredictedPositiveRate", "Prevalence", "PrevalenceThreshold"),
        *("RecallAtFalsePositiveRate", "RecallAtPrecision", "SensitivityAtSpecificity"),
        *("SpecificityAtSensitivity", "TN", "TNR", "TP", "TPR", "ThreatScore", "ThresholdAtRecall"),
    }
)
"""Classes without a name of ours, all of two classes."""
ONE_HOT_CLASSES: Final = frozenset(
    {"CategoricalAccuracy", "CategoricalCrossEntropy", "CategoricalCrossentropy"}
)
"""Classes without a name of ours that expect one-hot labels, which no task has."""
OF_ALL_CLASSES: Final = frozenset(
    {"MultiClassConfusionMatrixAtThresholds", "MultiClassConfusionMatrixPlot"}
)
ARROW_CLASSES: Final = (
    frozenset(known.tfma_class for known in METRICS.values())
    | OF_MATRIX_CLASSES
    | ONE_HOT_CLASSES
    | OF_ALL_CLASSES
    | {"CalibrationPlot"}
)
"""Classes that the arrow engine computes; a `tfma_class` that is not among them needs Beam."""


def _tasks() -> dict[str, tuple[TaskName, ...]]:
    found: dict[str, tuple[TaskName, ...]] = dict.fromkeys(ONE_HOT_CLASSES, ())
    found |= dict.fromkeys(OF_MATRIX_CLASSES, BINARY)
    found |= dict.fromkeys(OF_ALL_CLASSES, CLASSES) | {"CalibrationPlot": BINARY + NUMBER}
    for known in METRICS.values():
        found[known.tfma_class] = (*found.get(known.tfma_class, ()), *known.tasks)
    return found


TASKS: Final[Mapping[str, tuple[TaskName, ...]]] = _tasks()
"""By class, the tasks that it is right for as it is; of others TFMA alone knows."""

MODULES: Final[Mapping[str, str]] = {
    known.tfma_class: known.module for known in METRICS.values() if known.module
}
FORMULA_CLASSES: Final = frozenset(
    {"AUC", "BinaryAccuracy", "Precision", "Recall", "SparseCategoricalAccuracy", "Specificity"}
)
"""Classes that have confidence intervals by formula."""

HIDDEN: Final = "taxiway_"
"""How names begin that Taxiway keeps to itself: measured beside the others, and not reported."""
MEAN_LABEL: Final = f"{HIDDEN}mean_label"
"""It says whether a slice has both classes."""
Class = Literal["positive", "negative"]
NEEDS: Final[Mapping[str, tuple[Class, ...]]] = {
    "AUC": ("positive", "negative"),
    "AUCPrecisionRecall": ("positive",),
    "MaxRecall": ("positive",),
    "PrecisionAtRecall": ("positive",),
    "RecallAtFalsePositiveRate": ("positive", "negative"),
    "RecallAtPrecision": ("positive",),
    "SensitivityAtSpecificity": ("positive", "negative"),
    "SpecificityAtSensitivity": ("positive", "negative"),
    "ThresholdAtRecall": ("positive",),
}
"""Classes of which a metric needs a row: without, it has no value, though TFMA writes a number."""


class Part(NamedTuple):
    """The part of the predictions of a multi-class model that a metric looks at."""

    class_id: int | None = None
    top_k: int | None = None


WHOLE: Final = Part()


def part_of(metric: Metric) -> Part:
    """The part that a metric asks for by its options; two at once are left to TFMA."""
    given = options_of(metric)
    class_id, top_k = given.get("class_id"), given.get("top_k")
    if isinstance(class_id, int) and top_k is None:
        return Part(class_id=class_id)
    if isinstance(top_k, int) and class_id is None:
        return Part(top_k=top_k)
    return WHOLE


def options_of(metric: Metric) -> dict[str, object]:
    """The arguments of a metric's class, wherever they are given."""
    return {**metric.typed_options(), **metric.options}


def tfma_class(metric: Metric) -> str:
    """The class that computes a metric."""
    return metric.tfma_class or METRICS[metric.kind or metric.name].tfma_class


def module_of(metric: Metric) -> str:
    """The module of that class; empty where it is TFMA's or Keras' own."""
    return MODULES.get(tfma_class(metric), "")


def better(metric: Metric) -> Literal["higher", "lower", "target"]:
    """Which way is better."""
    return metric.better if metric.tfma_class else METRICS[metric.kind or metric.name].better


def is_one_number(metric: Metric) -> bool:
    """Whether it is neither several numbers nor a plot."""
    asked = metric.thresholds or metric.options.get("thresholds")
    several = isinstance(asked, list | tuple) and len(asked) > 1
    kind = tfma_class(metric)
    return not (several or "ConfusionMatrixAtThresholds" in kind or kind.endswith("Plot"))
