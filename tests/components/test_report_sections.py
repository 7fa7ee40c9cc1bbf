"""Sections of the report by themselves: baselines, config, outcome, and what cannot be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from taxiway.evaluation.ranking import Ranking
from taxiway.metadata.records import (
    ArtifactRecord,
    ErrorKind,
    EventRecord,
    ExecutionRecord,
    NodeRecord,
    StoreContent,
)

pytestmark = pytest.mark.pipeline


def known(**values: Any) -> Any:
    from components.run_report.sections.known import KnownRun

    given = {"nodes": [], "properties": {}, **values}
    return KnownRun("parcels", "r1", ranking=Ranking("auc", True, 1), **given)


class TestBaselines:
    def test_a_logistic_regression_finds_what_made_the_labels(self) -> None:
        from components.run_report.sections.baselines import fit_logistic

        random = np.random.default_rng(3)
        x = np.stack([np.ones(20_000), *random.normal(size=(2, 20_000))], axis=1)
        y = (random.random(20_000) < 1 / (1 + np.exp(-(x @ [-1.0, 2.0, 0.0])))).astype(float)
        found = fit_logistic(x, y, np.ones(20_000))
        assert found == pytest.approx([-1.0, 2.0, 0.0], abs=0.08)

    def test_two_columns_that_say_the_same_are_no_reason_to_have_none(self) -> None:
        from components.run_report.sections.baselines import fit_logistic

        x = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]] * 20)
        found = fit_logistic(x, np.array([0.0, 1.0] * 20), np.ones(40))
        assert np.isfinite(found).all()
        assert found[1] == pytest.approx(found[2])

    @pytest.mark.parametrize(
        ("answers", "area"), [((0.1, 0.2, 0.8), 1.0), ((0.8, 0.2, 0.1), 0.0), ((0.5,) * 3, 0.5)]
    )
    def test_the_area_below_roc(self, answers: tuple[float, ...], area: float) -> None:
        from components.run_report.sections.baselines import auc

        assert auc(np.array([0.0, 0.0, 1.0]), np.array(answers), np.ones(3)) == area

    def test_weights_count_as_rows_do(self) -> None:
        from components.run_report.sections.baselines import binary_metrics, number_metrics

        truth = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        answers = np.array([[0.7, 0.3], [0.4, 0.6], [0.8, 0.2]])
        thrice = np.array([0, 1, 1, 1, 2])
        weighted = binary_metrics(truth, answers, np.array([1.0, 3.0, 1.0]))
        assert weighted == pytest.approx(binary_metrics(truth[thrice], answers[thrice], np.ones(5)))
        y, p = np.array([1.0, 2.0, 5.0]), np.array([1.5, 2.0, 3.0])
        of_numbers = number_metrics(y, p, np.array([1.0, 3.0, 1.0]))
        assert of_numbers == pytest.approx(number_metrics(y[thrice], p[thrice], np.ones(5)))
        assert of_numbers["mean_absolute_error"] == pytest.approx(0.5)

    def test_no_examples_no_baselines(self) -> None:
        from components.run_report.sections.baselines import baselines_section

        assert baselines_section(known()) is None


class TestConfig:
    BASE: ClassVar[dict[str, Any]] = {
        "output.root": "var",
        "registry.path": "var/registry.sqlite",
        "model.hyperparameters.learning_rate": 0.1,
        "model.hyperparameters.hidden_units": [32],
        "serving.port": 8501,
    }

    def test_what_differs_is_told_and_what_only_moved_with_the_root_is_not(self) -> None:
        from components.run_report.sections.origin import config_section

        text = (
            "output: {root: /tmp/x}\nregistry: {path: /tmp/x/registry.sqlite}\n"
            "model: {hyperparameters: {learning_rate: 0.1, hidden_units: [16], l2: 0.5}}\n"
            "serving: {port: 8501}\n"
        )
        found = config_section(known(properties={"config": text}, base=self.BASE))
        assert found == [
            {"key": "model.hyperparameters.hidden_units", "value": [16], "base": [32]},
            {"key": "model.hyperparameters.l2", "value": 0.5, "base": None},
            {"key": "output.root", "value": "/tmp/x", "base": "var"},
        ]

    @pytest.mark.parametrize("values", [{}, {"config": ""}, {"config": "just text"}])
    def test_no_config_no_comparison(self, values: dict[str, str]) -> None:
        from components.run_report.sections.origin import config_section

        assert config_section(known(properties=values, base=self.BASE)) is None


class TestCost:
    def test_it_is_cpu_time_at_the_price_of_the_config(self) -> None:
        from components.run_report.sections.origin import cost_section

        nodes = [NodeRecord("A", 1, "COMPLETE", 9.0, {}, {"cpu_seconds": 1800.0})] * 2
        config = "cost: {per_core_hour: 0.25, currency: EUR}"
        found = cost_section(known(nodes=nodes, properties={"config": config}))
        expected = {"core_hours": 1.0, "per_core_hour": 0.25, "amount": 0.25, "currency": "EUR"}
        assert found == expected
        assert cost_section(known()) is None
        free = cost_section(known(nodes=nodes))
        assert free
        assert free["amount"] is None


class TestOutcome:
    SUCCEEDED: ClassVar[dict[str, Any]] = {
        "outcome": "succeeded",
        "failure": None,
        "nodes": [],
        "pushed_to": None,
    }

    @pytest.mark.parametrize(
        ("values", "told"),
        [
            (
                {"evaluation": {"blessed": False, "reasons": ["auc is low"]}, "infra": None},
                "Succeeded, and pushed nothing: the Evaluator did not bless the model: auc is low.",
            ),
            (
                {"evaluation": None, "infra": {"blessed": False, "reason": "too slow"}},
                "Succeeded, and pushed nothing: InfraValidator did not bless the model: too slow.",
            ),
            (
                {"pushed_to": "/s/1", "version": "1.2.0"},
                "Succeeded: version 1.2.0 was blessed and pushed to /s/1.",
            ),
            (
                {"outcome": "failed", "nodes": [{"node": "Trainer", "state": "running"}]},
                "Failed: Trainer did not end.",
            ),
            ({"outcome": "failed"}, "Failed: nothing of it is on record."),
            (
                {"outcome": "interrupted", "failure": {"node": "Trainer", "reason": "SIGINT\nx"}},
                "Interrupted in Trainer: SIGINT",
            ),
        ],
    )
    def test_one_sentence_with_the_reason(self, values: dict[str, Any], told: str) -> None:
        from components.run_report.sections.outcome import sentence

        assert sentence({**self.SUCCEEDED, **values}) == told


def test_a_section_that_cannot_be_made_costs_the_report_that_section_alone() -> None:
    from components.run_report.logic import build_report, render_html

    broken = StoreContent(
        {}, {1: ExecutionRecord(1, "T", "A", "r1", "COMPLETE", 0)}, (EventRecord(2, 9, False),), {}
    )
    report = build_report(known(content=broken))
    assert report["graph"] is None
    assert report["missing"]["graph"] == "KeyError: 2"
    assert report["environment"]["machine"]["cores"] > 0
    page = render_html(report)
    assert "What could not be made" in page
    assert "KeyError: 2" in page


def test_a_failed_run_says_where_the_graph_ended() -> None:
    from components.run_report.logic import build_report, render_html

    nodes = [
        NodeRecord("A", 1, "COMPLETE", 1.0, {}),
        NodeRecord("B", 2, "FAILED", 1.0, {}, error="boom", error_kind=ErrorKind.FAILED),
    ]
    executions = {
        one.execution_id: ExecutionRecord(one.execution_id, "T", one.node_id, "r1", one.state, 0)
        for one in nodes
    }
    artifacts = {7: ArtifactRecord(7, "Examples", "/none")}
    events = (EventRecord(1, 7, False), EventRecord(2, 7, True))
    content = StoreContent(artifacts, executions, events, {})
    report = build_report(known(nodes=nodes, content=content))
    assert report["graph"] == {"edges": [["A", "B"]]}
    page = render_html(report)
    assert "2 nodes; not done: B." in page
    assert page.count('class="fill-bad stroke-line"') == 1


class TestBaselinesOfEachTask:
    """On real files of tf.Examples, with cells that are missing."""

    ROWS = 400

    @pytest.fixture
    def examples(self, tmp_path: Path) -> str:
        import tensorflow as tf

        from taxiway.modeling.example_files import examples_writer

        random = np.random.default_rng(5)
        for split in ("train", "eval"):
            folder = tmp_path / f"Split-{split}"
            folder.mkdir()
            for part in range(2):
                with examples_writer(str(folder / f"part-{part}.gz")) as writer:
                    for _ in range(self.ROWS // 2):
                        writer.write(self.example(tf, random).SerializeToString())
        return str(tmp_path)

    @staticmethod
    def example(tf: Any, random: Any) -> Any:
        size, kind = random.normal(), random.choice(["a", "b", "c"])
        feature = {
            "kind": tf.train.Feature(bytes_list={"value": [kind.encode()]}),
            "late": tf.train.Feature(int64_list={"value": [int(size > 0.3)]}),
            "answer": tf.train.Feature(bytes_list={"value": [b"yes" if size > 0.3 else b"no"]}),
            "price": tf.train.Feature(float_list={"value": [3 * size + (kind == "b")]}),
            "rows": tf.train.Feature(int64_list={"value": [2]}),
        }
        if random.random() > 0.05:
            feature["size"] = tf.train.Feature(float_list={"value": [size]})
        return tf.train.Example(features=tf.train.Features(feature=feature))

    def section(self, examples: str, task: Any, *columns: Any) -> dict[str, Any]:
        from components.run_report.sections.baselines import baselines_section
        from taxiway.modeling.spec import FeatureSpec

        outputs = {"examples": (ArtifactRecord(1, "Examples", examples),)}
        nodes = [NodeRecord("ArrowExampleGen", 1, "COMPLETE", 1.0, outputs)]
        found = baselines_section(known(nodes=nodes, spec=FeatureSpec(task=task, columns=columns)))
        assert found
        assert (found["train_rows"], found["eval_rows"]) == (self.ROWS, self.ROWS)
        return found

    def test_they_learn_what_there_is_to_learn(self, examples: str) -> None:
        from taxiway.modeling.spec import Binary, Categorical, MultiClass, Numeric, Regression

        columns = (Numeric("size"), Categorical("kind"))
        for task in (
            Binary("late"),
            Binary("answer", positive="yes"),
            Binary("late", weight="rows"),
        ):
            found = self.section(examples, task, *columns)
            assert found["columns"] == ["size", "kind"]
            assert found["constant"]["metrics"]["auc"] == 0.5
            assert found["linear"]["metrics"]["auc"] > 0.95
        numbers = self.section(examples, Regression("price"), *columns)
        assert abs(numbers["constant"]["metrics"]["r2"]) < 0.05
        assert numbers["linear"]["metrics"]["r2"] > 0.9
        by_kind = self.section(examples, MultiClass("kind"), Numeric("size"), Numeric("price"))
        accuracy = "sparse_categorical_accuracy"
        assert by_kind["constant"]["metrics"][accuracy] < 0.45
        assert by_kind["linear"]["metrics"][accuracy] > 0.55
        assert "one class against the rest" in by_kind["linear"]["is"]
