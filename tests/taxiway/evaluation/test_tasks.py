"""Each task with its own metrics, by both engines: string labels, weights, against a baseline."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from taxiway.config.evaluation import Analytic, Bootstrap, Evaluation
from taxiway.evaluation.defaults import MOST_CLASSES, for_task
from tests.taxiway.arrow.evaluator.evaluations import (
    Done,
    differences,
    execute,
    metrics_of,
    plots_of,
    prepare,
    verdict_of,
)
from tests.taxiway.evaluation.tasks import ROWS, SLICED, SPECIES, SPECS, case, rows

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.xdist_group("tasks"),
    pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning"),
]
ASKED = Evaluation.model_validate(SLICED)


@dataclasses.dataclass(frozen=True)
class Judged:
    """What both engines wrote of a task."""

    task: str
    arrow: Done
    beam: Done

    def read(self) -> dict[str, Any]:
        from taxiway.evaluation.results import read_metrics

        return {found.name: found for found in read_metrics(self.arrow.folder)}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Judged]:
    """Evaluates a task by both engines, once."""

    @functools.cache
    def judged(task: str) -> Judged:
        root = tmp_path_factory.mktemp(task)
        prepared = prepare(case(task, ASKED), root)
        return Judged(task, *(execute(kind, *prepared, root) for kind in ("arrow", "beam")))

    return judged


@pytest.fixture(params=SPECS)
def both(request: pytest.FixtureRequest, judge: Callable[[str], Judged]) -> Judged:
    return judge(request.param)


def of(task: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("both", [task], indirect=True)


class TestEngines:
    """Neither engine's results can be told from the other's."""

    def test_metrics_of_every_slice_are_equal(self, both: Judged) -> None:
        ours, theirs = metrics_of(both.arrow.folder), metrics_of(both.beam.folder)
        assert ours.keys() == theirs.keys()
        for name, of_slice in theirs.items():
            assert ours[name].keys() == of_slice.keys(), name
            for key, metric in of_slice.items():
                assert not differences(ours[name][key], metric), (name, key)

    def test_plots_and_verdicts_are_equal(self, both: Judged) -> None:
        ours, theirs = plots_of(both.arrow.folder), plots_of(both.beam.folder)
        assert ours.keys() == theirs.keys()
        for name, of_slice in theirs.items():
            assert not differences(ours[name], of_slice), name
        assert verdict_of(both.arrow.folder) == verdict_of(both.beam.folder)
        assert (both.arrow.blessing, both.beam.blessing) == ("BLESSED", "BLESSED")

    def test_every_metric_of_the_task_has_a_value_a_change_and_a_name(self, both: Judged) -> None:
        whole = both.read()["overall"]
        asked = {metric.name for metric in for_task(ASKED, SPECS[both.task]).metrics or ()}
        assert whole.metrics.keys() == whole.change.keys() == asked
        assert whole.metrics["example_count"] == ROWS


class TestFigures:
    """They are scikit-learn's, with the rows' weights."""

    def columns(self, *names: str) -> list[Any]:
        made = rows()
        return [np.array([row[name] for row in made]) for name in names]

    @of("Binary")
    def test_binary(self, both: Judged) -> None:
        sex, answer, weights = self.columns("sex", "sex_new", "weight")
        label, found = sex == "female", both.read()["overall"].metrics
        for name, score in {
            "auc": sk.roc_auc_score(label, answer, sample_weight=weights),
            "binary_accuracy": sk.accuracy_score(label, answer > 0.5, sample_weight=weights),
            "recall": sk.recall_score(label, answer > 0.5, sample_weight=weights),
            "binary_crossentropy": sk.log_loss(label, answer, sample_weight=weights),
            "d2_log_loss": sk.d2_log_loss_score(label, answer, sample_weight=weights),
            "calibration": (answer * weights).sum() / (label * weights).sum(),
        }.items():
            assert found[name] == pytest.approx(score, abs=1e-3 if name == "auc" else 1e-6), name

    @of("MultiClass")
    def test_multi_class(self, both: Judged) -> None:
        kinds, answers, weights = self.columns("species", "species_new", "weight")
        label = np.array([SPECIES.index(kind) for kind in kinds])
        best, found = answers.argmax(axis=1), both.read()["overall"].metrics
        shares = answers / answers.sum(axis=1, keepdims=True)
        scores = {
            "sparse_categorical_accuracy": sk.accuracy_score(label, best, sample_weight=weights),
            "sparse_categorical_crossentropy": sk.log_loss(label, shares, sample_weight=weights),
            "d2_log_loss": sk.d2_log_loss_score(label, shares, sample_weight=weights),
        }
        for number, name in enumerate(("Adélie", "Chinstrap", "Gentoo_big")):
            of_class = {"y_true": label == number, "sample_weight": weights}
            scores |= {
                f"auc_{name}": sk.roc_auc_score(y_score=answers[:, number], **of_class),
                f"precision_{name}": sk.precision_score(y_pred=best == number, **of_class),
                f"recall_{name}": sk.recall_score(y_pred=best == number, **of_class),
            }
        assert found.keys() == scores.keys() | {"example_count"}
        for name, score in scores.items():
            near = 1e-3 if name.startswith("auc") else 1e-6
            assert found[name] == pytest.approx(score, abs=near), name

    @of("MultiClass")
    def test_a_slice_without_a_class_has_no_value_for_it(self, both: Judged) -> None:
        found = both.read()
        assert found["island=Torgersen"].undefined == {
            "auc_Chinstrap": "no row has a positive label",
            "recall_Chinstrap": "no row counts towards it",
        }
        alone = found["island=Dream"].undefined
        assert alone["auc_Chinstrap"] == "no row has a negative label"
        assert alone["d2_log_loss"] == "all rows have the same label"
        assert found["island=Biscoe"].undefined == {}

    @of("Regression")
    def test_regression(self, both: Judged) -> None:
        label, value, weights = self.columns("mass_g", "mass_g_new", "weight")
        found, of_rows = both.read()["overall"].metrics, {"sample_weight": weights}
        for name, score in {
            "root_mean_squared_error": sk.mean_squared_error(label, value, **of_rows) ** 0.5,
            "mean_absolute_error": sk.mean_absolute_error(label, value, **of_rows),
            "r2": sk.r2_score(label, value, **of_rows),
            "mean_label": np.average(label, weights=weights),
            "mean_prediction": np.average(value, weights=weights),
            "calibration": (value * weights).sum() / (label * weights).sum(),
        }.items():
            assert found[name] == pytest.approx(score, rel=1e-6), name


class TestBounds:
    """Without a word of the config."""

    @pytest.mark.parametrize("task", SPECS)
    def test_a_model_that_guesses_is_not_blessed(self, task: str, tmp_path: Path) -> None:
        """The other way round: what was the baseline is the candidate, and is alone."""
        from taxiway.evaluation.results import blessing_reasons

        of_task = case(task, ASKED)
        guessing = dataclasses.replace(of_task, models=of_task.models[1:])
        done = execute("arrow", *prepare(guessing, tmp_path), tmp_path)
        assert done.blessing == "NOT_BLESSED"
        share = {"Regression": "r2"}.get(task, "d2_log_loss")
        assert [each for each in blessing_reasons(done.folder) if each.startswith(share)]

    @pytest.mark.parametrize("task", SPECS)
    def test_one_that_got_worse_is_not_blessed(self, task: str, tmp_path: Path) -> None:
        from taxiway.evaluation.results import blessing_reasons

        of_task = case(task, ASKED)
        models = [of_task.models[1], of_task.models[0]]
        done = execute(
            "arrow", *prepare(dataclasses.replace(of_task, models=models), tmp_path), tmp_path
        )
        changes = [one for one in blessing_reasons(done.folder) if one.startswith("change in")]
        metric = {"Binary": "auc", "Regression": "r2"}.get(task, "sparse_categorical_accuracy")
        assert len(changes) == 1
        assert changes[0].startswith(f"change in {metric} on overall is -")
        assert changes[0].endswith("must be at least -0.02")


def test_formulas_bound_the_accuracy_of_classes(tmp_path: Path) -> None:
    unweighted = dataclasses.replace(SPECS["MultiClass"].task, weight="")
    asked = ASKED.model_copy(update={"confidence": Analytic(kind="analytic")})
    of_task = case(
        "MultiClass", asked, spec=dataclasses.replace(SPECS["MultiClass"], task=unweighted)
    )
    done = execute("arrow", *prepare(of_task, tmp_path), tmp_path)
    (accuracy,) = (
        one
        for one in metrics_of(done.folder)[""].values()
        if (one.key.name, one.key.model_name, one.key.is_diff)
        == ("sparse_categorical_accuracy", "candidate", False)
    )
    made = rows()
    hits = sum(int(np.argmax(row["species_new"])) == SPECIES.index(row["species"]) for row in made)
    share, z = hits / ROWS, 1.959963984540054
    interval = accuracy.confidence_interval
    assert accuracy.value.double_value.value == pytest.approx(share)
    for bound in (interval.lower_bound.double_value.value, interval.upper_bound.double_value.value):
        # Wilson: the bounds are where the share is z standard errors away.
        assert abs(share - bound) == pytest.approx(z * (bound * (1 - bound) / ROWS) ** 0.5)


@pytest.mark.parametrize("task", SPECS)
def test_the_bootstrap_has_intervals_for_every_metric(task: str, tmp_path: Path) -> None:
    from components.run_report.sections.task import task_section

    asked = ASKED.model_copy(update={"confidence": Bootstrap(kind="bootstrap")})
    done = execute("arrow", *prepare(case(task, asked, baseline=False), tmp_path), tmp_path)
    for one in metrics_of(done.folder)[""].values():
        if one.value.WhichOneof("type") == "double_value" and one.key.name != "example_count":
            low, high = (
                getattr(one.confidence_interval, bound).double_value.value
                for bound in ("lower_bound", "upper_bound")
            )
            assert low < one.value.double_value.value < high, one.key.name
    assert task_section(done.folder, ())


class TestLabels:
    """What a model's own signature makes of them."""

    def test_one_that_is_no_class_is_told(self, tmp_path: Path) -> None:
        from taxiway.errors import DataError

        of_task = case("MultiClass", ASKED)
        strange = rows()
        strange[7]["species"] = "Emperor"
        prepared = prepare(dataclasses.replace(of_task, rows=strange), tmp_path)
        with pytest.raises(DataError, match="1 of 200 rows to evaluate have a 'species' that is n"):
            execute("arrow", *prepared, tmp_path)

    def test_a_baseline_without_that_signature_cannot_be_used(self, tmp_path: Path) -> None:
        from tests.taxiway.arrow.evaluator.evaluations import save_model

        of_task = case("MultiClass", ASKED)
        examples, models, config = prepare(of_task, tmp_path)
        older = tmp_path / "older"
        save_model(of_task.models[1], of_task.inputs, older / "Format-Serving")
        done = execute("arrow", examples, [models[0], str(older)], config, tmp_path)
        assert done.unusable_baseline.startswith("the model has no signature 'labels'")
        assert done.blessing == "BLESSED"

    def test_a_baseline_that_does_not_know_a_class_of_today_cannot_be_used(
        self, tmp_path: Path
    ) -> None:
        import tensorflow as tf

        from tests.taxiway.arrow.evaluator.evaluations import save_model

        def of_then(read: Any) -> Any:
            known = of_task.labels(read)["species"]
            return {"species": tf.where(known < 2, known, -1)}

        of_task = case("MultiClass", ASKED)
        examples, models, config = prepare(of_task, tmp_path)
        older = tmp_path / "older"
        save_model(of_task.models[1], of_task.inputs, older / "Format-Serving", of_then)
        done = execute("arrow", examples, [models[0], str(older)], config, tmp_path)
        assert "rows to evaluate have a 'species' that is none of" in done.unusable_baseline
        assert done.blessing == "BLESSED"

    def test_a_class_beyond_those_that_the_model_learned_is_told(self, tmp_path: Path) -> None:
        from taxiway.errors import DataError

        metric = {"name": "far", "kind": "auc", "class_id": MOST_CLASSES}
        asked = Evaluation.model_validate(
            {"metrics": [metric], "thresholds": [{"metric": "far", "lower": 0.5}]}
        )
        done = prepare(case("MultiClass", asked, baseline=False), tmp_path)
        with pytest.raises(DataError, match="class_id 10 is none of the 3 classes of the model"):
            execute("arrow", *done, tmp_path)
