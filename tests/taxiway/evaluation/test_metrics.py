"""Evaluation: what may be asked for, and what is refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from taxiway.config.evaluation import (
    Analytic,
    Change,
    Evaluation,
    Metric,
    Threshold,
)
from taxiway.errors import ConfigError
from taxiway.evaluation.checks import check_evaluation
from taxiway.evaluation.metrics import METRICS, TaskName
from taxiway.evaluation.ranking import ranking_of
from tests.taxiway.evaluation.asked import (
    AUC,
    ENGINES,
    NUMBERS,
    OPTIONS,
    ROWS,
    SPEC,
    SPECS,
    evaluation,
)


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
                evaluation(AUC, Threshold(metric="calibration", change=Change(worst_absolute=0.1))),
                ["'calibration' has no better and worse", "lower and upper instead of change"],
            ),
            (
                evaluation(metrics=("auc", Metric(name="mine", kind="acu"))),
                ["unknown metric 'acu'", "did you mean 'auc'?"],
            ),
            (
                evaluation(metrics=("auc", Metric(name="auc", num_thresholds=200))),
                ["auc more than once", "its own name"],
            ),
            (
                evaluation(metrics=(Metric(name="auc", top_k=2),)),
                ["'auc' takes num_thresholds, class_id, and not top_k"],
            ),
            (
                evaluation(metrics=(Metric(name="mean_absolute_error", thresholds=(0.3,)), "auc")),
                ["takes no options, and not thresholds"],
            ),
            (
                evaluation(metrics=("auc", "confusion_matrix_at_thresholds")),
                ["'confusion_matrix_at_thresholds' needs thresholds"],
            ),
            (
                evaluation(
                    Threshold(metric="p", lower=0.1),
                    metrics=(Metric(name="p", kind="precision", thresholds=(0.3, 0.5)),),
                ),
                ["'p' is not one number", "under a name of its own"],
            ),
            (
                evaluation(
                    Threshold(metric="p", lower=0.1),
                    metrics=(
                        Metric(
                            name="p", tfma_class="Precision", options={"thresholds": [0.3, 0.5]}
                        ),
                    ),
                ),
                ["'p' is not one number"],
            ),
            (
                evaluation(
                    Threshold(metric="p", lower=0.1),
                    metrics=(Metric(name="p", tfma_class="CalibrationPlot"),),
                ),
                ["'p' is not one number"],
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
            "unknown kind",
            "one name twice",
            "an option it does not take",
            "an option of a metric that takes none",
            "an option it needs",
            "a bound on several numbers",
            "a bound on several numbers of a class",
            "a bound on a plot",
            "unknown column of a slice",
            "unknown column of a threshold",
        ],
    )
    def test_what_could_not_be_measured_is_refused(
        self, asked: Evaluation, told: list[str]
    ) -> None:
        with pytest.raises(ConfigError) as refused:
            check_evaluation(asked, SPEC, "arrow")
        assert refused.value.edit.startswith("evaluation.")
        for text in told:
            assert text in refused.value.message

    @pytest.mark.parametrize("name", NUMBERS)
    def test_every_metric_may_be_measured_and_bounded_for_its_tasks(self, name: str) -> None:
        for engine in ENGINES:
            for task in METRICS[name].tasks:
                bound = Threshold(metric=name, lower=0, upper=1)
                check_evaluation(evaluation(bound, metrics=(name,)), SPECS[task], engine)

    @pytest.mark.parametrize("name", [n for n in NUMBERS if METRICS[n].better != "target"])
    def test_every_metric_with_a_direction_may_be_compared(self, name: str) -> None:
        change, slices = Change(worst_absolute=0.1), ((), ("origin",))
        bound = Threshold(metric=name, lower=0, change=change, slices=slices)
        for task in METRICS[name].tasks:
            check_evaluation(evaluation(bound, metrics=(name,)), SPECS[task], "arrow")

    @pytest.mark.parametrize("name", METRICS)
    def test_every_metric_takes_its_options(self, name: str) -> None:
        known = METRICS[name]
        given = {option: OPTIONS[option] for option in known.options}
        metric = Metric.model_validate({"name": "mine", "kind": name, **given})
        task: TaskName = "MultiClass" if "class_id" in given else known.tasks[0]
        bound = Threshold(metric="example_count", lower=1)
        asked = evaluation(bound, metrics=(metric, "example_count"))
        check_evaluation(asked, SPECS[task], "arrow")

    def test_what_only_tfma_knows_is_refused_for_arrow_and_passed_on_to_beam(self) -> None:
        asked = evaluation(
            metrics=("auc", Metric(name="exact", tfma_class="ExactMatch", options={"a": 1}))
        )
        check_evaluation(asked, SPEC, "beam")
        with pytest.raises(ConfigError) as refused:
            check_evaluation(asked, SPEC, "arrow")
        assert "'ExactMatch'" in refused.value.message
        assert "use engine: beam for the Evaluator" in refused.value.message
        assert refused.value.edit.startswith("engine.components: {Evaluator: beam}")

    def test_formulas_are_refused_for_beam(self) -> None:
        asked = evaluation(confidence=Analytic(kind="analytic"))
        check_evaluation(asked, SPEC, "arrow")
        with pytest.raises(ConfigError, match="no analytic intervals"):
            check_evaluation(asked, SPEC, "beam")

    @pytest.mark.parametrize(
        ("asked", "told", "edit"),
        [
            (
                evaluation(
                    Threshold(metric="p", lower=0.1),
                    metrics=(Metric(name="p", kind="precision", class_id=1, top_k=2),),
                ),
                "evaluation.thresholds: 'p' has both class_id and top_k, under which TFMA finds "
                "no value to hold against a threshold; measure it with one of them",
                "evaluation.thresholds or evaluation.metrics",
            ),
            (
                evaluation(
                    ROWS,
                    metrics=("example_count", Metric(name="taxiway_mean_label", kind="mean_label")),
                ),
                "evaluation.metrics: 'taxiway_mean_label' is a name that Taxiway keeps to itself",
                "evaluation.metrics",
            ),
        ],
        ids=["a bound on two parts at once", "a name of ours"],
    )
    def test_what_would_be_measured_wrongly_is_refused(
        self, asked: Evaluation, told: str, edit: str
    ) -> None:
        with pytest.raises(ConfigError) as refused:
            check_evaluation(asked, SPECS["MultiClass"], "arrow")
        assert (refused.value.message, refused.value.edit) == (told, edit)


class TestMetric:
    """The long form of a metric."""

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": "_hidden"},
            {"name": "a", "kind": "auc", "tfma_class": "AUC"},
            {"name": "a", "tfma_class": "Precision", "thresholds": [0.3]},
            {"name": "precision", "options": {"thresholds": [0.3]}},
            {"name": "precision", "better": "higher"},
            {"name": "precision", "thresholds": []},
            {"name": "precision", "thresholds": [30]},
            {"name": "precision", "top_k": 0},
            {"name": "precision", "treshold": [0.3]},
        ],
    )
    def test_what_makes_no_sense_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Metric.model_validate(wrong)

    def test_a_plain_name_is_the_same_without_options(self) -> None:
        assert evaluation(metrics=("auc",)).metrics == (Metric(name="auc"),)

    def test_a_config_is_written_as_short_as_it_was_read(self) -> None:
        long = Metric(name="p", kind="precision", thresholds=(0.3,))
        written = evaluation(metrics=("auc", long)).model_dump(mode="json")["metrics"]
        assert written[0] == "auc"
        assert written[1]["thresholds"] == [0.3]
        assert evaluation(metrics=tuple(written)).metrics == (Metric(name="auc"), long)


class TestThresholds:
    """Those that would bless nothing, and say nothing."""

    def test_one_bound_at_least_needs_no_baseline(self) -> None:
        bound = Threshold(metric="auc", change=Change(worst_absolute=0.02))
        with pytest.raises(ValidationError, match="no first model would be blessed"):
            evaluation(bound)
        assert evaluation(bound, ROWS).thresholds == (bound, ROWS)

    def test_a_bound_holds_somewhere(self) -> None:
        with pytest.raises(ValidationError, match="slices"):
            Threshold(metric="auc", lower=0.5, slices=())


SEVERAL = Metric(name="several", kind="recall", thresholds=(0.3, 0.5))


class TestRanking:
    """By which metric the worst slices are found."""

    @pytest.mark.parametrize(
        ("metrics", "rank_by", "expected"),
        [
            (("calibration", "example_count", "auc", "recall"), "", ("auc", True)),
            (("auc", "binary_crossentropy"), "binary_crossentropy", ("binary_crossentropy", False)),
            (("calibration", "example_count"), "", ("", False)),
            ((Metric(name="mine", kind="auc"),), "", ("mine", True)),
            ((SEVERAL, "auc"), "", ("auc", True)),
        ],
    )
    def test_the_metric_is_the_one_asked_for_or_the_first_that_can(
        self, metrics: tuple[Any, ...], rank_by: str, expected: tuple[str, bool]
    ) -> None:
        ranking = ranking_of(
            evaluation(metrics=metrics).model_copy(update={"rank_by": rank_by}), SPEC
        )
        assert (ranking.metric, ranking.higher_is_better) == expected

    @pytest.mark.parametrize(
        ("rank_by", "told"),
        [
            ("acu", "'acu' is not measured; did you mean 'auc'?"),
            ("calibration", "'calibration' cannot rank slices"),
            ("example_count", "'example_count' cannot rank slices"),
        ],
    )
    def test_one_that_is_not_there_or_cannot_is_refused_before_the_run(
        self, rank_by: str, told: str
    ) -> None:
        asked = evaluation(metrics=("auc", "calibration", "example_count"))
        with pytest.raises(ConfigError) as refused:
            check_evaluation(asked.model_copy(update={"rank_by": rank_by}), SPEC, "arrow")
        assert told in refused.value.message
        assert refused.value.edit == "evaluation.rank_by, or evaluation.metrics"
