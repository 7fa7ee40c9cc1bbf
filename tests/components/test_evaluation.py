"""Evaluation: what may be asked for, and what TFMA is told."""

from __future__ import annotations

from typing import Any

import pytest

from components.evaluation.metrics import METRICS, check_evaluation
from configs.errors import ConfigError
from configs.schema import Change, Evaluation, Threshold
from models.spec import Categorical, FeatureSpec, Numeric

SPEC = FeatureSpec(
    label="late",
    key="id",
    numeric=(Numeric("temp"),),
    categorical=(Categorical("origin"), Categorical("carrier")),
    slices=("origin", "carrier"),
)
AUC = Threshold(metric="auc", lower=0.6)


def evaluation(
    *thresholds: Threshold,
    metrics: tuple[str, ...] = ("auc", "calibration", "binary_crossentropy", "example_count"),
    slices: tuple[tuple[str, ...], ...] = (("origin",),),
) -> Evaluation:
    return Evaluation(metrics=metrics, slices=slices, thresholds=thresholds or (AUC,))


class TestCheckEvaluation:
    """Refused before anything runs."""

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            (
                evaluation(metrics=("auc", "precison")),
                ["unknown metric 'precison'", "did you mean 'precision'?", "known: auc, "],
            ),
            (
                evaluation(Threshold(metric="recall", lower=0.1)),
                ["'recall' is not among evaluation.metrics"],
            ),
            (
                evaluation(Threshold(metric="calibraton", lower=0.1)),
                ["'calibraton' is not among", "did you mean 'calibration'?"],
            ),
            (
                evaluation(Threshold(metric="calibration", change=Change(worst_absolute=0.1))),
                ["'calibration' has no better and worse", "lower and upper instead of change"],
            ),
            (
                evaluation(slices=((), ("origin", "carier"))),
                ["cannot slice by 'carier'", "did you mean 'carrier'?", "origin, carrier"],
            ),
            (
                evaluation(Threshold(metric="auc", lower=0.5, slices=(("dest",),))),
                ["cannot slice by 'dest'", "FeatureSpec.slices"],
            ),
        ],
        ids=[
            "unknown metric",
            "threshold on a metric that is not measured",
            "misspelt threshold",
            "change of a metric without a direction",
            "unknown column of a slice",
            "unknown column of a threshold",
        ],
    )
    def test_what_could_not_be_measured_is_refused(
        self, asked: Evaluation, told: list[str]
    ) -> None:
        with pytest.raises(ConfigError) as refused:
            check_evaluation(asked, SPEC)
        assert refused.value.edit.startswith("evaluation.")
        for text in told:
            assert text in refused.value.message

    @pytest.mark.parametrize("name", METRICS)
    def test_every_metric_may_be_measured_and_bounded(self, name: str) -> None:
        check_evaluation(
            evaluation(Threshold(metric=name, lower=0, upper=1), metrics=(name,)), SPEC
        )

    @pytest.mark.parametrize("name", [n for n, m in METRICS.items() if m.better != "target"])
    def test_every_metric_with_a_direction_may_be_compared(self, name: str) -> None:
        bound = Threshold(metric=name, change=Change(worst_absolute=0.1), slices=((), ("origin",)))
        check_evaluation(evaluation(bound, metrics=(name,)), SPEC)


@pytest.mark.pipeline
class TestEvalConfig:
    """What TFMA is told."""

    def built(self, asked: Evaluation, has_baseline: bool = True) -> Any:
        import tensorflow_model_analysis as tfma

        from components.evaluation.eval_config import eval_config

        built = tfma.utils.update_eval_config_with_defaults(
            eval_config(asked, "late"), has_baseline=has_baseline, rubber_stamp=not has_baseline
        )
        tfma.utils.verify_eval_config(built)
        return built

    @pytest.mark.parametrize("name", METRICS)
    def test_tfma_knows_every_metric(self, name: str) -> None:
        from tensorflow_model_analysis.metrics import metric_specs

        bound = Threshold(metric=name, lower=0.1, upper=0.9)
        built = self.built(evaluation(bound, metrics=(name,)), has_baseline=False)
        (computed,) = metric_specs.metric_thresholds_from_metrics_specs(built.metrics_specs, built)
        assert computed.name == name
        assert metric_specs.to_computations(built.metrics_specs, built)

    def test_tfma_adds_the_baseline_itself(self) -> None:
        names = {spec.name: spec.is_baseline for spec in self.built(evaluation()).model_specs}
        assert names == {"candidate": False, "baseline": True}
        assert [s.name for s in self.built(evaluation(), has_baseline=False).model_specs] == [""]

    def test_the_model_is_asked_by_its_serving_signature(self) -> None:
        from models.signatures import PROBABILITY, SERVING

        (spec,) = self.built(evaluation(), has_baseline=False).model_specs
        assert (spec.signature_name, spec.prediction_key, spec.label_key) == (
            SERVING,
            PROBABILITY,
            "late",
        )

    def test_the_whole_comes_first_and_every_bounded_slice_is_measured_once(self) -> None:
        bounds = (
            Threshold(metric="auc", lower=0.5, slices=(("origin",), ("origin", "carrier"))),
            Threshold(metric="calibration", lower=0.5, slices=(("origin", "carrier"), ())),
        )
        built = self.built(evaluation(*bounds, slices=(("carrier",), ("origin",))))
        assert [list(spec.feature_keys) for spec in built.slicing_specs] == [
            [],
            ["carrier"],
            ["origin"],
            ["origin", "carrier"],
        ]

    def test_a_bound_on_the_whole_is_no_bound_on_slices(self) -> None:
        (metric,) = self.built(evaluation(metrics=("auc",))).metrics_specs[0].metrics
        assert not metric.HasField("threshold")
        (bound,) = metric.per_slice_thresholds
        assert [list(spec.feature_keys) for spec in bound.slicing_specs] == [[]]
        assert bound.threshold.value_threshold.lower_bound.value == 0.6
        assert not bound.threshold.value_threshold.HasField("upper_bound")
        assert not bound.threshold.HasField("change_threshold")

    @pytest.mark.parametrize(
        ("metric", "direction", "absolute"),
        [("auc", "HIGHER_IS_BETTER", -0.02), ("binary_crossentropy", "LOWER_IS_BETTER", 0.02)],
    )
    def test_a_change_is_bounded_towards_the_worse(
        self, metric: str, direction: str, absolute: float
    ) -> None:
        import tensorflow_model_analysis as tfma

        bound = Threshold(metric=metric, change=Change(worst_absolute=0.02))
        (built,) = self.built(evaluation(bound, metrics=(metric,))).metrics_specs[0].metrics
        change = built.per_slice_thresholds[0].threshold.change_threshold
        assert tfma.MetricDirection.Name(change.direction) == direction
        assert change.absolute.value == absolute
        assert not built.per_slice_thresholds[0].threshold.HasField("value_threshold")
