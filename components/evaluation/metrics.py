"""The metrics a config may name, and what TFMA calls each. Adding one is one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from configs.errors import ConfigError, did_you_mean
from configs.schema import Evaluation
from models.spec import FeatureSpec


@dataclass(frozen=True)
class Metric:
    """A TFMA metric class, and which way is better (`target` has none: near 1 is best)."""

    tfma_class: str
    better: Literal["higher", "lower", "target"]


METRICS: Final[Mapping[str, Metric]] = {
    "auc": Metric("AUC", "higher"),
    "auc_precision_recall": Metric("AUCPrecisionRecall", "higher"),
    "binary_accuracy": Metric("BinaryAccuracy", "higher"),
    "binary_crossentropy": Metric("BinaryCrossEntropy", "lower"),
    "calibration": Metric("Calibration", "target"),
    "example_count": Metric("ExampleCount", "higher"),
    "mean_label": Metric("MeanLabel", "target"),
    "mean_prediction": Metric("MeanPrediction", "target"),
    "precision": Metric("Precision", "higher"),
    "recall": Metric("Recall", "higher"),
}


def check_evaluation(evaluation: Evaluation, spec: FeatureSpec) -> None:
    """Refuses what the Evaluator could not measure, before anything runs.

    Raises:
      ConfigError: a metric no one knows, a threshold on a metric that is not measured or that has
        no better and worse, or a slice by a column that the FeatureSpec does not offer.
    """
    for name in evaluation.metrics:
        if name not in METRICS:
            raise ConfigError(
                f"evaluation.metrics: unknown metric '{name}'{did_you_mean(name, METRICS)} "
                f"(known: {', '.join(METRICS)})",
                edit="evaluation.metrics",
            )
    for threshold in evaluation.thresholds:
        if threshold.metric not in evaluation.metrics:
            raise ConfigError(
                f"evaluation.thresholds: '{threshold.metric}' is not among evaluation.metrics"
                f"{did_you_mean(threshold.metric, evaluation.metrics)}",
                edit="evaluation.thresholds or evaluation.metrics",
            )
        if threshold.change and METRICS[threshold.metric].better == "target":
            raise ConfigError(
                f"evaluation.thresholds: '{threshold.metric}' has no better and worse; "
                "bound it with lower and upper instead of change",
                edit="evaluation.thresholds",
            )
    for columns in (*evaluation.slices, *(s for t in evaluation.thresholds for s in t.slices)):
        for column in columns:
            if column not in spec.slices:
                raise ConfigError(
                    f"evaluation: cannot slice by '{column}'{did_you_mean(column, spec.slices)} "
                    f"(FeatureSpec.slices: {', '.join(spec.slices)})",
                    edit="evaluation.slices, or slices of the model's features.py",
                )
