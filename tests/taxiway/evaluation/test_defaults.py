"""What is measured of a task, and must be reached, where the config says neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import d2_log_loss_score, r2_score

from taxiway.config.evaluation import Evaluation
from taxiway.errors import ConfigError
from taxiway.evaluation.checks import check_evaluation
from taxiway.evaluation.defaults import KNOWS_SOMETHING, THRESHOLDS_OF, for_task
from taxiway.evaluation.formulas import d2_log_loss, log_loss, octave_edges, octaves, r2
from taxiway.modeling.spec import MultiClass
from tests.taxiway.evaluation.asked import SPECS, spec_of


def names(evaluation: Evaluation) -> list[str]:
    return [metric.name for metric in evaluation.metrics or ()]


class TestForTask:
    """A config that says neither metrics nor thresholds."""

    @pytest.mark.parametrize("task", SPECS)
    def test_every_task_has_some_that_can_be_measured_and_ranked(self, task: Any) -> None:
        from taxiway.evaluation.ranking import ranking_of

        for engine in ("arrow", "beam"):
            check_evaluation(Evaluation(), SPECS[task], engine)
        assert ranking_of(Evaluation(), SPECS[task]).metric

    def test_each_named_class_has_its_own_under_its_name(self) -> None:
        task = MultiClass("kind", classes=("a b", "é", "a/b", 7, "!"))
        found = for_task(Evaluation(), spec_of(task))
        assert [name for name in names(found) if name.startswith("auc")] == [
            "auc_a_b_0",
            "auc_é",
            "auc_a_b_2",
            "auc_7",
            "auc_class_4",
        ]
        check_evaluation(Evaluation(), spec_of(task), "arrow")

    def test_classes_that_are_learned_or_many_have_none(self) -> None:
        for classes in ((), tuple(range(11))):
            found = for_task(Evaluation(), spec_of(MultiClass("kind", classes=classes)))
            assert names(found) == [
                *("sparse_categorical_accuracy", "sparse_categorical_crossentropy"),
                *("d2_log_loss", "example_count"),
            ]

    def test_what_the_config_says_stays(self) -> None:
        own = Evaluation.model_validate(
            {"metrics": ["auc"], "thresholds": [{"metric": "auc", "lower": 0.9}]}
        )
        assert for_task(own, SPECS["Binary"]) == own

    def test_thresholds_follow_from_what_is_measured(self) -> None:
        found = for_task(Evaluation.model_validate({"metrics": ["auc"]}), SPECS["Binary"])
        assert [one.metric for one in found.thresholds or ()] == ["auc"]

    def test_metrics_without_a_bound_of_their_own_need_one(self) -> None:
        with pytest.raises(ConfigError) as refused:
            for_task(Evaluation.model_validate({"metrics": ["recall"]}), SPECS["Binary"])
        assert refused.value.message == (
            "evaluation.thresholds: none is given, and evaluation.metrics has none of those that "
            "have a bound of their own for Binary (d2_log_loss, auc, calibration)"
        )

    def test_it_is_the_same_twice(self) -> None:
        for spec in SPECS.values():
            once = for_task(Evaluation(), spec)
            assert for_task(once, spec) == once


class TestBounds:
    """A model that knows something passes; one that knows as little as a constant does not."""

    RANDOM = np.random.default_rng(1)

    def d2(self, labels: Any, probabilities: Any) -> float:
        losses = log_loss(np.take_along_axis(probabilities, labels[:, None], axis=1))[:, 0]
        classes = range(probabilities.shape[1])
        weights = np.array([(labels == one).sum() for one in classes], np.float64)
        return d2_log_loss(weights, np.array([losses[labels == one].sum() for one in classes]))

    def test_a_share_of_the_loss_is_scikit_learns(self) -> None:
        labels = self.RANDOM.integers(0, 3, 500)
        answers = self.RANDOM.dirichlet(np.ones(3), 500)
        assert self.d2(labels, answers) == pytest.approx(d2_log_loss_score(labels, answers))
        label, value = self.RANDOM.normal(size=(2, 500)) + 7
        sums = (500, label.sum(), (label**2).sum(), ((label - value) ** 2).sum())
        assert r2(*sums) == pytest.approx(r2_score(label, value))

    @pytest.mark.parametrize("rate", [0.5, 0.03])
    def test_a_constant_does_not_pass_however_rare_the_class(self, rate: float) -> None:
        labels = (self.RANDOM.random(2000) < rate).astype(np.int64)
        for guess in (labels.mean(), rate, 0.5):
            answers = np.full((2000, 2), [1 - guess, guess])
            assert self.d2(labels, answers) < KNOWS_SOMETHING
        odds = rate / (1 - rate) * np.exp(np.where(labels == 1, 0.5, -0.5) * 1.5)
        better = odds / (1 + odds)
        assert self.d2(labels, np.stack([1 - better, better], axis=1)) > KNOWS_SOMETHING

    def test_a_constant_number_does_not_pass_in_any_unit(self) -> None:
        for unit in (1e-3, 1.0, 1e6):
            label = unit * (40 + self.RANDOM.normal(size=1000))
            for guess in (label.mean(), 40 * unit, 0.0):
                sums = (1000, label.sum(), (label**2).sum(), ((label - guess) ** 2).sum())
                assert r2(*sums) < KNOWS_SOMETHING

    def test_where_all_labels_are_one_there_is_nothing_to_know(self) -> None:
        assert np.isnan(self.d2(np.zeros(9, np.int64), np.full((9, 2), 0.5)))
        assert np.isnan(r2(9, 9 * 0.1, 9 * 0.1**2, 4))

    def test_one_bound_of_each_task_needs_no_baseline(self) -> None:
        for thresholds in THRESHOLDS_OF.values():
            assert any(one.lower is not None for one in thresholds)
            assert any(one.change is not None for one in thresholds)


def test_octaves_rise_with_numbers_and_hold_them() -> None:
    random = np.random.default_rng(0)
    numbers = random.normal(size=2000) * 10.0 ** random.integers(-8, 8, 2000)
    numbers = np.sort(np.concatenate([numbers, [0.0, 1.0, -1.0]])).astype(np.float32)
    buckets = octaves(numbers)
    assert (np.diff(buckets) >= 0).all()
    for number, bucket in zip(numbers.tolist(), buckets.tolist(), strict=True):
        low, high = octave_edges(bucket)
        assert low <= number <= high
        assert abs(number) < 1e-30 or high - low <= abs(number) / 63
