"""The metrics a config may name, and what TFMA calls each. Adding one is one line here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, NamedTuple

from taxiway.config.engine import EngineKind
from taxiway.config.evaluation import Analytic, Evaluation, Metric
from taxiway.errors import ConfigError, did_you_mean
from taxiway.modeling.spec import FeatureSpec

OF_CURVES: Final = ("num_thresholds", "class_id")
OF_MATRICES: Final = ("thresholds", "top_k", "class_id")
USE_BEAM_KEY: Final = "engine.components: {Evaluator: beam}"


@dataclass(frozen=True)
class Known:
    """A TFMA or Keras metric class, which way is better (`target` has none), and its options."""

    tfma_class: str
    better: Literal["higher", "lower", "target"]
    options: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


METRICS: Final[Mapping[str, Known]] = {
    "auc": Known("AUC", "higher", OF_CURVES),
    "auc_precision_recall": Known("AUCPrecisionRecall", "higher", OF_CURVES),
    "balanced_accuracy": Known("BalancedAccuracy", "higher", OF_MATRICES),
    "binary_accuracy": Known("BinaryAccuracy", "higher", OF_MATRICES),
    "binary_crossentropy": Known("BinaryCrossEntropy", "lower"),
    "brier": Known("MeanSquaredError", "lower"),
    "calibration": Known("Calibration", "target"),
    "categorical_accuracy": Known("CategoricalAccuracy", "higher"),
    "categorical_crossentropy": Known("CategoricalCrossEntropy", "lower"),
    "confusion_matrix_at_thresholds": Known(
        "ConfusionMatrixAtThresholds", "target", OF_MATRICES, required=("thresholds",)
    ),
    "example_count": Known("ExampleCount", "higher"),
    "f1": Known("F1Score", "higher", OF_MATRICES),
    "false_negatives": Known("FalseNegatives", "lower", OF_MATRICES),
    "false_positives": Known("FalsePositives", "lower", OF_MATRICES),
    "mean_absolute_error": Known("MeanAbsoluteError", "lower"),
    "mean_absolute_percentage_error": Known("MeanAbsolutePercentageError", "lower"),
    "mean_label": Known("MeanLabel", "target"),
    "mean_prediction": Known("MeanPrediction", "target"),
    "mean_squared_error": Known("MeanSquaredError", "lower"),
    "mean_squared_logarithmic_error": Known("MeanSquaredLogarithmicError", "lower"),
    "precision": Known("Precision", "higher", OF_MATRICES),
    "recall": Known("Recall", "higher", OF_MATRICES),
    "root_mean_squared_error": Known("RootMeanSquaredError", "lower"),
    "sparse_categorical_accuracy": Known("SparseCategoricalAccuracy", "higher"),
    "sparse_categorical_crossentropy": Known("SparseCategoricalCrossentropy", "lower"),
    "specificity": Known("Specificity", "higher", OF_MATRICES),
    "true_negatives": Known("TrueNegatives", "higher", OF_MATRICES),
    "true_positives": Known("TruePositives", "higher", OF_MATRICES),
    "weighted_example_count": Known("WeightedExampleCount", "higher"),
}
"""`sparse_...` is for labels that are class ids, `categorical_...` for one-hot labels."""

ARROW_CLASSES: Final = frozenset(known.tfma_class for known in METRICS.values()) | {
    *("CalibrationPlot", "CategoricalCrossentropy", "ConfusionMatrixPlot"),
    *("DiagnosticOddsRatio", "FN", "FNR", "FP", "FPR", "FallOut"),
    *("FalseDiscoveryRate", "FalseOmissionRate", "FowlkesMallowsIndex", "Informedness"),
    *("Markedness", "MatthewsCorrelationCoefficient", "MaxRecall", "MissRate", "NPV"),
    *("NegativeLikelihoodRatio", "NegativePredictiveValue", "PPV", "PositiveLikelihoodRatio"),
    *("PrecisionAtRecall", "PredictedPositiveRate", "Prevalence", "PrevalenceThreshold"),
    *("RecallAtFalsePositiveRate", "RecallAtPrecision", "SensitivityAtSpecificity"),
    *("SpecificityAtSensitivity", "TN", "TNR", "TP", "TPR", "ThreatScore", "ThresholdAtRecall"),
}
"""Classes that the arrow engine computes; a `tfma_class` that is not among them needs Beam."""


MEAN_LABEL: Final = "taxiway_mean_label"
"""Measured beside the others, and not reported: it says whether a slice has both classes."""
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
    given = {**metric.typed_options(), **metric.options}
    class_id, top_k = given.get("class_id"), given.get("top_k")
    if isinstance(class_id, int) and top_k is None:
        return Part(class_id=class_id)
    if isinstance(top_k, int) and class_id is None:
        return Part(top_k=top_k)
    return WHOLE


def tfma_class(metric: Metric) -> str:
    """The class that computes a metric."""
    return metric.tfma_class or METRICS[metric.kind or metric.name].tfma_class


def better(metric: Metric) -> Literal["higher", "lower", "target"]:
    """Which way is better."""
    return metric.better if metric.tfma_class else METRICS[metric.kind or metric.name].better


@dataclass(frozen=True)
class Ranking:
    """By what slices are compared."""

    metric: str
    """Empty where none of those measured has a better and a worse end; then no slice is worst."""
    higher_is_better: bool
    min_rows: int
    """Slices known to have fewer rows are left out: their figures are mostly noise."""

    def to_json(self) -> str:
        """For a component's parameter."""
        return json.dumps(asdict(self))


def ranking_of(evaluation: Evaluation) -> Ranking:
    """How the config ranks slices: by `rank_by`, else by the first metric that can, else by none.

    Raises:
      ConfigError: `rank_by` is no metric of the config, or one that cannot rank.
    """
    by_name = {metric.name: metric for metric in evaluation.metrics}
    able = [name for name, metric in by_name.items() if _can_rank(metric)]
    name = evaluation.rank_by or next(iter(able), "")
    if name and name not in able:
        what = f"'{name}' cannot rank slices" if name in by_name else f"'{name}' is not measured"
        raise ConfigError(
            f"evaluation.rank_by: {what}{did_you_mean(name, able)} (expected one number per slice "
            f"with better and worse: {', '.join(able) or 'none of evaluation.metrics is'})",
            edit="evaluation.rank_by, or evaluation.metrics",
        )
    higher = bool(name) and better(by_name[name]) == "higher"
    return Ranking(name, higher, evaluation.min_slice_rows)


def _can_rank(metric: Metric) -> bool:
    counts = ("ExampleCount", "WeightedExampleCount")
    return (
        better(metric) != "target"
        and tfma_class(metric) not in counts
        and not _is_not_one_number(metric)
    )


def check_evaluation(evaluation: Evaluation, spec: FeatureSpec, engine: EngineKind) -> None:
    """Refuses what the Evaluator could not measure, before anything runs.

    Raises:
      ConfigError: a metric no one knows or that the engine does not, options it does not take, a
        threshold on a metric that is not measured, is not one number or has no better and worse,
        slices ranked by such a one, or a slice by a column that the FeatureSpec does not offer.
    """
    names = [metric.name for metric in evaluation.metrics]
    if MEAN_LABEL in names:
        raise ConfigError(
            f"evaluation.metrics: '{MEAN_LABEL}' is a name that Taxiway keeps to itself",
            edit="evaluation.metrics",
        )
    by_name = dict(zip(names, evaluation.metrics, strict=True))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"evaluation.metrics: {', '.join(twice)} more than once; give each its own name, "
            "as in {name: precision_30, kind: precision, thresholds: [0.3]}",
            edit="evaluation.metrics",
        )
    for metric in evaluation.metrics:
        _check_metric(metric, engine)
    if engine == "beam" and isinstance(evaluation.confidence, Analytic):
        raise ConfigError(
            "evaluation.confidence: TFMA has no analytic intervals, which engine: beam would need "
            "(it has kind: bootstrap)",
            edit="evaluation.confidence, or engine.components.Evaluator",
        )
    _check_thresholds(evaluation, by_name)
    ranking_of(evaluation)
    known = spec.sliceable()
    for columns in (*evaluation.slices, *(s for t in evaluation.thresholds for s in t.slices)):
        for column in columns:
            if column not in known:
                raise ConfigError(
                    f"evaluation: cannot slice by '{column}'{did_you_mean(column, known)} "
                    f"(categorical features, and FeatureSpec.slices: {', '.join(known)})",
                    edit="evaluation.slices, or slices of the model's features.py",
                )


def _check_metric(metric: Metric, engine: EngineKind) -> None:
    if metric.tfma_class:
        if engine == "arrow" and metric.tfma_class not in ARROW_CLASSES:
            raise ConfigError(
                f"evaluation.metrics: the arrow engine does not know TFMA's '{metric.tfma_class}'"
                f"{did_you_mean(metric.tfma_class, ARROW_CLASSES)}; "
                "use engine: beam for the Evaluator",
                edit=f"{USE_BEAM_KEY}, or evaluation.metrics",
            )
        return
    kind = metric.kind or metric.name
    if kind not in METRICS:
        raise ConfigError(
            f"evaluation.metrics: unknown metric '{kind}'{did_you_mean(kind, METRICS)} "
            f"(known: {', '.join(METRICS)}; any other of TFMA's is a tfma_class)",
            edit="evaluation.metrics",
        )
    known = METRICS[kind]
    given = metric.typed_options()
    for option in given:
        if option not in known.options:
            raise ConfigError(
                f"evaluation.metrics: '{kind}' takes {', '.join(known.options) or 'no options'}, "
                f"and not {option}",
                edit="evaluation.metrics",
            )
    for option in known.required:
        if option not in given:
            raise ConfigError(
                f"evaluation.metrics: '{kind}' needs {option}", edit="evaluation.metrics"
            )


def _is_not_one_number(metric: Metric) -> bool:
    """Whether it is several, or a plot."""
    asked = metric.thresholds or metric.options.get("thresholds")
    several = isinstance(asked, Sequence) and len(asked) > 1
    kind = tfma_class(metric)
    return several or kind == "ConfusionMatrixAtThresholds" or kind.endswith("Plot")


def _check_thresholds(evaluation: Evaluation, by_name: Mapping[str, Metric]) -> None:
    for threshold in evaluation.thresholds:
        name = threshold.metric
        if name not in by_name:
            raise ConfigError(
                f"evaluation.thresholds: '{name}' is not among evaluation.metrics"
                f"{did_you_mean(name, by_name)}",
                edit="evaluation.thresholds or evaluation.metrics",
            )
        metric = by_name[name]
        if _is_not_one_number(metric):
            raise ConfigError(
                f"evaluation.thresholds: '{name}' is not one number; measure one threshold of it "
                "under a name of its own, as in "
                "{name: precision_30, kind: precision, thresholds: [0.3]}",
                edit="evaluation.thresholds or evaluation.metrics",
            )
        if {"class_id", "top_k"} <= {**metric.typed_options(), **metric.options}.keys():
            raise ConfigError(
                f"evaluation.thresholds: '{name}' has both class_id and top_k, under which TFMA "
                "finds no value to hold against a threshold; measure it with one of them",
                edit="evaluation.thresholds or evaluation.metrics",
            )
        if threshold.change and better(metric) == "target":
            raise ConfigError(
                f"evaluation.thresholds: '{name}' has no better and worse; "
                "bound it with lower and upper instead of change",
                edit="evaluation.thresholds",
            )
