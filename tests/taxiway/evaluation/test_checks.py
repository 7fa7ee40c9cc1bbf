"""A metric and a task that do not go together are refused before anything runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from taxiway.config.evaluation import Analytic, Bootstrap, Evaluation
from taxiway.errors import ConfigError
from taxiway.evaluation.checks import check_evaluation
from taxiway.evaluation.metrics import FORMULA_CLASSES, METRICS
from taxiway.modeling.spec import Binary, FeatureSpec, MultiClass, Regression
from tests.taxiway.evaluation.asked import SPECS, spec_of

LEARNED = spec_of(MultiClass("late"))
COUNTED = {"thresholds": [{"metric": "example_count", "lower": 1}]}


def asked(*metrics: Any) -> Evaluation:
    return Evaluation.model_validate({**COUNTED, "metrics": ["example_count", *metrics]})


def refusal(spec: FeatureSpec, *metrics: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        check_evaluation(asked(*metrics), spec, "arrow")
    assert refused.value.edit.startswith("evaluation.metrics")
    return refused.value.message.removeprefix("evaluation.metrics: ")


class TestTheTask:
    """What a metric is right for, as it is."""

    def test_calibration_of_all_classes_at_once_would_always_be_1(self) -> None:
        assert refusal(SPECS["MultiClass"], "calibration") == (
            "'calibration' is for Binary or Regression, and the task is MultiClass('late'); it can "
            "be of one class, with class_id (never, seldom, often)"
        )

    def test_an_area_under_a_curve_is_of_two_classes(self) -> None:
        told = refusal(SPECS["Regression"], "auc")
        assert told == "'auc' is for Binary, and the task is Regression('late')"
        assert refusal(LEARNED, {"name": "mine", "kind": "auc"}).endswith("with class_id")

    def test_an_accuracy_of_classes_is_not_one_of_a_probability(self) -> None:
        told = refusal(SPECS["Binary"], "sparse_categorical_accuracy")
        assert told == (
            "'sparse_categorical_accuracy' is for MultiClass, and the task is Binary('late')"
        )

    @pytest.mark.parametrize("name", METRICS)
    def test_no_other_metric_is_let_through(self, name: str) -> None:
        known = METRICS[name]
        options = {"thresholds": [0.5]} if known.required else {}
        for task in SPECS.keys() - set(known.tasks):
            told = refusal(SPECS[task], {"name": "mine", "kind": name, **options})
            assert f"and the task is {task}('late')" in told

    @pytest.mark.parametrize(
        ("kind", "options", "told"),
        [
            ("AUC", {}, "'mine' is for Binary, and the task is MultiClass('late'); it can be"),
            ("CategoricalAccuracy", {}, "'mine' is for labels that are one-hot, and the task is"),
            ("AUC", {"class_id": 7}, "'mine' has class_id 7, expected 0 to 2 (never, seldom, of"),
            ("AUC", {"class_id": "x"}, "'mine' has class_id x, expected 0 to 2 (never, seldom"),
        ],
    )
    def test_a_class_of_tfmas_is_held_to_the_same(self, kind: str, options: Any, told: str) -> None:
        metric = {"name": "mine", "tfma_class": kind, "options": options}
        assert refusal(SPECS["MultiClass"], metric).startswith(told)

    def test_a_class_that_only_tfma_knows_is_left_to_it(self) -> None:
        for spec in SPECS.values():
            metric = {"name": "mine", "tfma_class": "ExactMatch"}
            check_evaluation(asked(metric), spec, "beam")


class TestTheClass:
    """Which of the classes a metric looks at."""

    def auc(self, class_id: Any) -> dict[str, Any]:
        return {"name": "mine", "kind": "auc", "class_id": class_id}

    def test_it_is_a_number_or_a_name(self) -> None:
        for class_id in (0, 2, "never", "often"):
            check_evaluation(asked(self.auc(class_id)), SPECS["MultiClass"], "arrow")
        check_evaluation(asked(self.auc(99)), LEARNED, "arrow")

    def test_one_that_is_none_of_them_is_told_with_those_that_are(self) -> None:
        assert refusal(SPECS["MultiClass"], self.auc(3)) == (
            "'mine' has class_id 3, expected 0 to 2 (never, seldom, often)"
        )
        assert refusal(SPECS["MultiClass"], self.auc("ofen")) == (
            "'mine' is of class 'ofen', which the task does not name; did you mean 'often'? "
            "(expected one of never, seldom, often)"
        )

    def test_a_name_needs_a_task_that_names_its_classes(self) -> None:
        assert refusal(LEARNED, self.auc("often")) == (
            "'mine' is of class 'often', which the task does not name (its classes are learned)"
        )

    @pytest.mark.parametrize("part", [{"class_id": 0}, {"top_k": 1}, {"class_id": "late"}])
    @pytest.mark.parametrize("task", [Binary("late"), Regression("late")])
    def test_there_is_none_of_a_task_without_several(self, task: Any, part: Any) -> None:
        told = refusal(spec_of(task), {"name": "mine", "kind": "precision", **part})
        kind = type(task).__name__
        assert told == (
            f"'mine' has {next(iter(part))}, which is for the classes of a MultiClass, and the "
            f"task is {kind}('late')"
        )


class TestFormulas:
    """Intervals by formula."""

    def analytic(self, spec: FeatureSpec, **asked: Any) -> str:
        evaluation = Evaluation(confidence=Analytic(kind="analytic"), **asked)
        with pytest.raises(ConfigError) as refused:
            check_evaluation(evaluation, spec, "arrow")
        assert refused.value.edit == "evaluation.confidence"
        return refused.value.message

    def test_there_are_some_for_classes(self) -> None:
        for task in ("Binary", "MultiClass"):
            check_evaluation(Evaluation(confidence=Analytic(kind="analytic")), SPECS[task], "arrow")

    def test_there_is_none_for_a_regression(self) -> None:
        assert self.analytic(SPECS["Regression"]) == (
            "evaluation.confidence: there is no formula for root_mean_squared_error, "
            "mean_absolute_error, r2, mean_label, mean_prediction, calibration, example_count; "
            "kind: bootstrap has intervals for all of them"
        )
        bootstrap = Evaluation(confidence=Bootstrap(kind="bootstrap"))
        check_evaluation(bootstrap, SPECS["Regression"], "arrow")

    def test_they_count_rows_and_so_are_none_for_weights(self) -> None:
        task = dataclasses.replace(SPECS["Binary"].task, weight="gross")
        assert "and these have weights ('gross')" in self.analytic(spec_of(task))

    @pytest.mark.pipeline
    def test_preflight_knows_all_that_the_engine_has(self) -> None:
        from taxiway.arrow.evaluator.intervals import FORMULAS, SHARES

        assert FORMULAS.keys() | SHARES == FORMULA_CLASSES
