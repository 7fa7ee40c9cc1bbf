"""Real evaluations by TFMA, of answers that are given instead of models that are asked."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.evaluation import Change, Evaluation, Threshold
from tests.taxiway.evaluation.asked import SPEC

ROWS = 200


def evaluation(*thresholds: Threshold) -> Evaluation:
    metrics = ("auc", "calibration", "binary_crossentropy", "example_count")
    return Evaluation(metrics=metrics, slices=(("origin",),), thresholds=thresholds)


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """The rows that were evaluated, and where the Evaluator's output for them is."""

    rows: Any
    uri: str


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """A candidate that is worse than its baseline and breaks bounds."""
    asked = evaluation(
        Threshold(metric="auc", lower=0.9, change=Change(worst_absolute=0.02)),
        Threshold(metric="auc", lower=0.6, slices=(("origin",),)),
        Threshold(metric="calibration", lower=0.1, upper=0.2),
        Threshold(metric="binary_crossentropy", upper=99, change=Change(worst_absolute=0.01)),
        Threshold(metric="auc", lower=0.1, slices=(("carrier",),)),
    )
    return _analyze(asked, tmp_path_factory.mktemp("compared"), has_baseline=True)


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """A first candidate, without a baseline, that passes."""
    asked = evaluation(Threshold(metric="auc", lower=0.1, change=Change(worst_absolute=0.02)))
    return _analyze(asked, tmp_path_factory.mktemp("alone"), has_baseline=False)


def _rows() -> Any:
    """Answers of two models: the baseline knows, the candidate guesses but on one origin."""
    import pandas as pd

    random = np.random.default_rng(7)
    late = random.integers(0, 2, ROWS)
    origin = np.array(["JFK", "EWR"] * (ROWS // 2))
    guess = random.random(ROWS)
    knows = np.clip(late * 0.6 + random.random(ROWS) * 0.4, 0, 1)
    candidate = np.where(origin == "JFK", knows, guess)
    return pd.DataFrame({"late": late, "probability": candidate, "before": knows, "origin": origin})


def _analyze(asked: Evaluation, folder: Path, has_baseline: bool) -> Evaluated:
    """What the Evaluator's executor does with TFMA."""
    import apache_beam as beam
    import pyarrow as pa
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis import evaluators, extractors
    from tfx_bsl.arrow import table_util

    from taxiway.evaluation.eval_config import eval_config

    frame = _rows()
    config = tfma.utils.update_eval_config_with_defaults(
        eval_config(asked, SPEC), has_baseline=has_baseline, rubber_stamp=not has_baseline
    )
    for spec in config.model_specs:
        spec.ClearField("signature_name")
        spec.prediction_key = "before" if spec.is_baseline else "probability"
    rows = table_util.CanonicalizeRecordBatch(pa.RecordBatch.from_pandas(frame))
    steps = [
        extractors.FeaturesExtractor(config),
        extractors.LabelsExtractor(config),
        extractors.ExampleWeightsExtractor(config),
        extractors.PredictionsExtractor(config),
        extractors.UnbatchExtractor(),
        extractors.SliceKeyExtractor(eval_config=config),
    ]
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create([rows])
            | tfma.BatchedInputsToExtracts()
            | tfma.ExtractAndEvaluate(
                extractors=steps,
                evaluators=[evaluators.MetricsPlotsAndValidationsEvaluator(config)],
            )
            | tfma.WriteResults(writers=tfma.default_writers(str(folder), eval_config=config))
        )
    return Evaluated(frame, str(folder))
