"""What TFMA is told of an evaluation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taxiway.config.evaluation import (
    Analytic,
    Bootstrap,
    Change,
    Confidence,
    Evaluation,
    Metric,
    Threshold,
)
from taxiway.modeling.spec import Binary, MultiClass, Regression
from tests.taxiway.evaluation.asked import (
    NO_CONFIDENCE,
    NUMBERS,
    ROWS,
    SPEC,
    evaluation,
    spec_of,
)


@pytest.mark.pipeline
class TestEvalConfig:
    """What TFMA is told."""

    def built(self, asked: Evaluation, has_baseline: bool = True) -> Any:
        import tensorflow_model_analysis as tfma

        from taxiway.evaluation.eval_config import eval_config

        built = tfma.utils.update_eval_config_with_defaults(
            eval_config(asked, SPEC), has_baseline=has_baseline, rubber_stamp=not has_baseline
        )
        tfma.utils.verify_eval_config(built)
        return built

    @pytest.mark.parametrize("name", NUMBERS)
    def test_tfma_knows_every_metric(self, name: str) -> None:
        from tensorflow_model_analysis.metrics import metric_specs

        bound = Threshold(metric=name, lower=0.1, upper=0.9)
        built = self.built(evaluation(bound, metrics=(name,)), has_baseline=False)
        (computed,) = metric_specs.metric_thresholds_from_metrics_specs(built.metrics_specs, built)
        assert computed.name == name
        assert metric_specs.to_computations(built.metrics_specs, built)

    def test_options_are_those_of_tfmas_class(self) -> None:
        long = Metric(name="mine", kind="precision", thresholds=(0.3, 0.5), class_id=1)
        free = Metric(name="far", tfma_class="RecallAtPrecision", options={"precision": 0.8})
        built = self.built(evaluation(metrics=("auc", long, free)), has_baseline=False)
        whole, of_class, _ = (
            [(m.class_name, json.loads(m.config)) for m in spec.metrics]
            for spec in built.metrics_specs
        )
        assert whole == [
            ("AUC", {"name": "auc"}),
            ("RecallAtPrecision", {"name": "far", "precision": 0.8}),
            ("MeanLabel", {"name": "taxiway_mean_label"}),
        ]
        assert of_class == [("Precision", {"name": "mine", "thresholds": [0.3, 0.5]})]
        assert list(built.metrics_specs[1].binarize.class_ids.values) == [1]

    def test_what_needs_both_classes_is_measured_with_what_tells_them_in_each_part(self) -> None:
        asked = (
            Metric(name="one", kind="auc", class_id=1),
            Metric(name="few", kind="precision", top_k=2),
            Metric(name="both", kind="recall", class_id=0, top_k=2),
        )
        built = self.built(
            evaluation(Threshold(metric="few", lower=0.1), metrics=asked), has_baseline=False
        )
        assert [[json.loads(m.config) for m in spec.metrics] for spec in built.metrics_specs] == [
            [{"name": "both", "class_id": 0, "top_k": 2}],
            [{"name": "one"}, {"name": "taxiway_mean_label"}],
            [{"name": "few"}],
            [
                {"name": "taxiway_confusion", "thresholds": [0.5]},
                {"name": "taxiway_predictions", "of": "prediction"},
            ],
        ]

    def test_the_bootstrap_is_tfmas_and_formulas_are_none_to_it(self) -> None:
        from taxiway.evaluation.eval_config import asks_for_formulas, eval_config

        def options(confidence: Confidence) -> tuple[bool, int, bool]:
            config = self.built(evaluation(confidence=confidence))
            return (
                config.options.compute_confidence_intervals.value,
                config.options.confidence_intervals.method,
                asks_for_formulas(config),
            )

        assert options(NO_CONFIDENCE) == (False, 0, False)
        assert options(Bootstrap(kind="bootstrap")) == (True, 1, False)
        assert options(Analytic(kind="analytic")) == (False, 0, True)
        assert not eval_config(evaluation(), SPEC).HasField("options")

    def test_tfma_adds_the_baseline_itself(self) -> None:
        names = {spec.name: spec.is_baseline for spec in self.built(evaluation()).model_specs}
        assert names == {"candidate": False, "baseline": True}
        assert [s.name for s in self.built(evaluation(), has_baseline=False).model_specs] == [""]

    @pytest.mark.parametrize(
        ("task", "answer", "signatures"),
        [
            (Binary("late"), "probability", []),
            (Binary("late", positive="yes"), "probability", ["labels"]),
            (MultiClass("late"), "probabilities", ["labels"]),
            (Regression("late"), "value", []),
        ],
    )
    def test_the_model_is_asked_for_the_answer_and_the_label_of_its_task(
        self, task: Any, answer: str, signatures: list[str]
    ) -> None:
        from taxiway.evaluation.eval_config import eval_config

        (spec,) = eval_config(Evaluation(), spec_of(task)).model_specs
        assert (spec.signature_name, spec.prediction_key) == ("serving_default", answer)
        assert (spec.label_key, list(spec.preprocessing_function_names)) == ("late", signatures)
        assert spec.example_weight_key == ""

    def test_all_is_weighted_but_what_counts_rows(self) -> None:
        from tensorflow_model_analysis.metrics import metric_specs

        from taxiway.evaluation.eval_config import eval_config

        spec = spec_of(Regression("late", weight="gross"))
        config = eval_config(Evaluation(), spec)
        assert config.model_specs[0].example_weight_key == "gross"
        specs = list(config.metrics_specs)
        weighted = {
            key.name: key.example_weighted
            for key, _, _ in metric_specs.keys_and_metrics_from_specs(config, specs)
        }
        assert sorted(name for name, of in weighted.items() if not of) == [
            *("example_count", "taxiway_predictions", "taxiway_residuals"),
        ]
        assert weighted["r2"]

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
        metric, _ = self.built(evaluation(metrics=("auc",))).metrics_specs[0].metrics
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
        asked = evaluation(bound, ROWS, metrics=(metric, "example_count"))
        built = self.built(asked).metrics_specs[0].metrics[0]
        change = built.per_slice_thresholds[0].threshold.change_threshold
        assert tfma.MetricDirection.Name(change.direction) == direction
        assert change.absolute.value == absolute
        assert not built.per_slice_thresholds[0].threshold.HasField("value_threshold")
