"""Results: a real evaluation by TFMA, read back as plain numbers and sentences."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow_model_analysis as tfma
from sklearn.metrics import log_loss, roc_auc_score
from tensorflow_model_analysis import evaluators, extractors
from tfx_bsl.arrow import table_util

from components.evaluation.eval_config import eval_config
from components.evaluation.results import (
    OVERALL,
    SliceMetrics,
    blessing_reasons,
    read_metrics,
    worst_slices,
)
from configs.schema import Change, Evaluation, Threshold

pytestmark = pytest.mark.pipeline


def evaluation(*thresholds: Threshold) -> Evaluation:
    metrics = ("auc", "calibration", "binary_crossentropy", "example_count")
    return Evaluation(metrics=metrics, slices=(("origin",),), thresholds=thresholds)


ROWS = 200


def frame() -> pd.DataFrame:
    """Answers of two models: the baseline knows, the candidate guesses but on one origin."""
    random = np.random.default_rng(7)
    late = random.integers(0, 2, ROWS)
    origin = np.array(["JFK", "EWR"] * (ROWS // 2))
    guess = random.random(ROWS)
    knows = np.clip(late * 0.6 + random.random(ROWS) * 0.4, 0, 1)
    candidate = np.where(origin == "JFK", knows, guess)
    return pd.DataFrame({"late": late, "probability": candidate, "before": knows, "origin": origin})


def analyze(asked: Evaluation, folder: Path, has_baseline: bool) -> str:
    """What the Evaluator does, with answers that are given instead of models that are asked."""
    config = tfma.utils.update_eval_config_with_defaults(
        eval_config(asked, "late"), has_baseline=has_baseline, rubber_stamp=not has_baseline
    )
    for spec in config.model_specs:
        spec.ClearField("signature_name")
        spec.prediction_key = "before" if spec.is_baseline else "probability"
    rows = table_util.CanonicalizeRecordBatch(pa.RecordBatch.from_pandas(frame()))
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
    return str(folder)


class TestResults:
    """A real evaluation by TFMA, read back."""

    asked = evaluation(
        Threshold(metric="auc", lower=0.9, change=Change(worst_absolute=0.02)),
        Threshold(metric="auc", lower=0.6, slices=(("origin",),)),
        Threshold(metric="calibration", lower=0.1, upper=0.2),
        Threshold(metric="binary_crossentropy", upper=99, change=Change(worst_absolute=0.01)),
        Threshold(metric="auc", lower=0.1, slices=(("carrier",),)),
    )

    @pytest.fixture(scope="class")
    def compared(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        return analyze(self.asked, tmp_path_factory.mktemp("compared"), has_baseline=True)

    @pytest.fixture(scope="class")
    def alone(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        asked = evaluation(Threshold(metric="auc", lower=0.1, change=Change(worst_absolute=0.02)))
        return analyze(asked, tmp_path_factory.mktemp("alone"), has_baseline=False)

    def test_the_whole_comes_first_and_the_figures_are_right(self, compared: str) -> None:
        rows = frame()
        slices = read_metrics(compared)
        assert [item.name for item in slices] == ["overall", "origin=EWR", "origin=JFK"]
        for item in slices:
            part = rows if item.name == "overall" else rows[rows.origin == item.name[-3:]]
            assert item.metrics["example_count"] == len(part)
            assert item.metrics["auc"] == pytest.approx(
                roc_auc_score(part.late, part.probability), abs=1e-3
            )
            assert item.metrics["binary_crossentropy"] == pytest.approx(
                log_loss(part.late, part.probability), abs=1e-4
            )
            change = roc_auc_score(part.late, part.probability) - roc_auc_score(
                part.late, part.before
            )
            assert item.change["auc"] == pytest.approx(change, abs=1e-3)
        assert not any(name.endswith("_diff") for item in slices for name in item.metrics)

    def test_without_a_baseline_there_is_no_change(self, alone: str) -> None:
        slices = read_metrics(alone)
        assert [item.name for item in slices] == ["overall", "origin=EWR", "origin=JFK"]
        assert [item.change for item in slices] == [{}, {}, {}]
        assert slices[0].metrics["example_count"] == ROWS

    def test_each_broken_bound_is_one_sentence(self, compared: str) -> None:
        whole, ewr, _ = read_metrics(compared)
        assert sorted(blessing_reasons(compared)) == sorted(
            [
                f"auc on overall is {whole.metrics['auc']:.4f}, must be at least 0.9",
                f"auc on origin=EWR is {ewr.metrics['auc']:.4f}, must be at least 0.6",
                f"calibration on overall is {whole.metrics['calibration']:.4f}, "
                "must be at least 0.1 and at most 0.2",
                f"change in auc on overall is {whole.change['auc']:.4f}, must be at least -0.02",
                "change in binary_crossentropy on overall is "
                f"{whole.change['binary_crossentropy']:.4f}, must be at most +0.01",
                "no rows for the slices of carrier=any",
            ]
        )

    def test_a_model_that_passes_has_no_reasons(self, alone: str) -> None:
        assert blessing_reasons(alone) == []


def test_the_worst_slices_are_ranked_without_the_whole_and_the_tiny() -> None:
    def one(name: str, **metrics: float) -> SliceMetrics:
        return SliceMetrics(name, metrics, {})

    slices = [
        one(OVERALL, auc=0.1, example_count=1000),
        one("a=tiny", auc=0.2, example_count=99),
        one("a=low", auc=0.5, example_count=100),
        one("a=high", auc=0.9, example_count=500),
        one("a=uncounted", auc=0.6),
        one("a=unmeasured", example_count=500),
    ]
    assert [item.name for item in worst_slices(slices, "auc", 2, 100)] == ["a=low", "a=uncounted"]
    assert worst_slices(slices, "auc", 9, 1)[0].name == "a=tiny"
