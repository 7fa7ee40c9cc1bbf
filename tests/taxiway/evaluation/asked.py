"""What is asked of an evaluation in tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from taxiway.config.engine import EngineKind
from taxiway.config.evaluation import (
    Confidence,
    Evaluation,
    Metric,
    NoConfidence,
    Threshold,
)
from taxiway.evaluation.metrics import METRICS, TaskName
from taxiway.modeling.spec import (
    Binary,
    Categorical,
    FeatureSpec,
    MultiClass,
    Numeric,
    Regression,
    Task,
)

SPEC = FeatureSpec(
    task=Binary("late"),
    key="id",
    columns=(Numeric("temp"), Categorical("origin"), Categorical("carrier")),
    slices=("origin", "carrier"),
)


def spec_of(task: Task) -> FeatureSpec:
    return dataclasses.replace(SPEC, task=task)


SPECS: Final[Mapping[TaskName, FeatureSpec]] = {
    "Binary": SPEC,
    "MultiClass": spec_of(MultiClass("late", classes=("never", "seldom", "often"))),
    "Regression": spec_of(Regression("late")),
}
AUC = Threshold(metric="auc", lower=0.6)
ROWS = Threshold(metric="example_count", lower=1)
ENGINES: Final[tuple[EngineKind, ...]] = ("arrow", "beam")
NUMBERS: Final = [name for name, known in METRICS.items() if not known.required]
NO_CONFIDENCE: Final = NoConfidence(kind="none")
OPTIONS: Final = {"thresholds": (0.3,), "num_thresholds": 200, "top_k": 2, "class_id": 1}


def evaluation(
    *thresholds: Threshold,
    metrics: tuple[str | Metric, ...] = (
        *("auc", "calibration", "binary_crossentropy", "example_count"),
    ),
    slices: tuple[tuple[str, ...], ...] = (("origin",),),
    confidence: Confidence = NO_CONFIDENCE,
) -> Evaluation:
    return Evaluation(
        metrics=metrics, slices=slices, thresholds=thresholds or (AUC,), confidence=confidence
    )
