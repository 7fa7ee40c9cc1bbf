"""The real training pipeline on the tiny data: a shared run, and what is different in others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from taxiway.config.loader import load_config
from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import run_store
from taxiway.modeling.spec import load_spec
from taxiway.process.manifest import verify
from taxiway.push.folder import newest_version
from taxiway.registry.database.session import open_database
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.versions.records import list_versions
from tests.conftest import REPOSITORY, TINY, Run, Workspace, taxiway

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]
one_stack = pytest.mark.one_stack

STANDARD = {
    "ArrowExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "Transform",
    "Trainer",
    "Evaluator",
    "InfraValidator",
    "Pusher",
}
DELIVERY = {"Pusher", "Registrar", "DeployQueue"}
BAR = "evaluation.thresholds=[{metric: auc, lower: 0.99}]"
BUDGET = "infra_validation.latency_budget_ms=0.0001"


def nodes(run: Run) -> dict[str, NodeRecord]:
    workspace, report = run
    records = run_store(workspace.config().metadata).nodes(report["run_id"])
    return {record.node_id: record for record in records}


def states(report: dict[str, Any]) -> dict[str, str]:
    return {node["node"]: node["state"] for node in report["nodes"]}


def ask(model: str, once: str) -> dict[str, Any]:
    """What a fresh process answers for the model."""
    words = ("-m", "taxiway.serving.worker", "--model", model, "--once", once)
    done = subprocess.run(
        [sys.executable, *words], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


class TestFirstRun:
    """Looks at what the shared run left behind."""

    def test_every_node_completes(self, first_run: Run) -> None:
        found = nodes(first_run)
        assert set(found) > STANDARD
        assert {record.state for record in found.values()} == {"COMPLETE"}
        assert first_run[1]["outcome"] == "succeeded"

    def test_rows_in_are_rows_out(self, first_run: Run) -> None:
        workspace, _ = first_run
        written = sum(
            pq.read_metadata(path).num_rows for path in workspace.root.glob("data/*/*/*.parquet")
        )
        examples = nodes(first_run)["ArrowExampleGen"].output("examples")
        assert examples is not None
        assert examples.properties["rows_train"] + examples.properties["rows_eval"] == written

    def test_a_blessed_model_is_pushed_and_its_files_are_those_of_the_manifest(
        self, first_run: Run
    ) -> None:
        _, report = first_run
        assert report["evaluation"]["blessed"]
        assert report["infra"]["blessed"]
        manifest = nodes(first_run)["ModelManifest"].output("manifest")
        assert manifest is not None
        verify(Path(report["pushed_to"]), Path(manifest.uri) / "MANIFEST.sha256")

    def test_the_command_at_the_end_asks_the_model_about_the_first_row(
        self, first_run: Run
    ) -> None:
        workspace, report = first_run
        request = workspace.root / "reports" / report["run_id"] / "request.json"
        spec = load_spec("tests.tiny")
        asked = json.loads(request.read_text())
        assert set(asked) <= set(spec.inputs())
        assert {"region", "service", "kilograms"} <= set(asked)
        answer = ask(report["pushed_to"], f"@{request}")
        assert answer == ask(report["pushed_to"], json.dumps(asked))

    def test_a_fresh_process_loads_the_pushed_model_and_answers(self, first_run: Run) -> None:
        request = {"region": ["north", "west"], "service": ["post", "bulk"], "hour": [3, 20]}
        probability = ask(first_run[1]["pushed_to"], json.dumps(request))["probability"]
        assert len(probability) == 2
        assert all(0.0 < value < 1.0 for value in probability)
        assert probability[0] != probability[1]

    def test_the_version_is_registered_with_its_metrics(self, first_run: Run) -> None:
        workspace, report = first_run
        versions = list_versions(open_database(workspace.config().registry), "tiny")
        assert versions[0].name == "1.0.0"
        assert versions[0].candidate.run_id == report["run_id"]
        assert versions[0].candidate.pushed_to == report["pushed_to"]
        assert versions[0].candidate.metrics == pytest.approx(report["evaluation"]["overall"])

    def test_the_version_has_what_its_card_is_filled_from(self, first_run: Run) -> None:
        workspace, _ = first_run
        candidate = list_versions(open_database(workspace.config().registry), "tiny")[0].candidate
        passed = {name for name, is_passed in candidate.checks.items() if is_passed}
        assert passed == {"evaluator", "infra_validator", "manifest"}
        assert set(candidate.contract["inputs"]) == set(load_spec("tests.tiny").inputs())
        assert candidate.baseline == {}
        assert candidate.facts["data"]["spans"] == [1, 2, 3]
        assert candidate.facts["data"]["rows_train"] == 1200
        assert candidate.facts["ranges"]["hour"]["max"] == 23
        assert set(candidate.facts["ranges"]["region"]["values"]) == {"north", "south", "west"}
        assert candidate.facts["training"]["hyperparameters"]["hidden_units"] == [16]
        assert len(candidate.facts["evaluation"]["worst_slices"]) == 3

    def test_the_version_waits_for_a_deployer(self, first_run: Run) -> None:
        workspace, _ = first_run
        assert DeployQueue(open_database(workspace.config().registry)).waiting("tiny")

    def test_the_run_keeps_its_config_and_command(
        self, first_run: Run, shared_workspace: Workspace, tmp_path: Path
    ) -> None:
        workspace, (ended, report) = shared_workspace, first_run
        properties = run_store(ended.config().metadata).properties(report["run_id"])
        resolved = tmp_path / "resolved.yaml"
        resolved.write_text(properties["config"])
        assert load_config([resolved]) == workspace.config()
        assert properties["command"].startswith(f"taxiway run --config {TINY}")
        folder = workspace.root / "reports" / report["run_id"]
        assert (folder / "config.yaml").read_text() == properties["config"]
        assert (folder / "command.txt").read_text().strip() == properties["command"]

    def test_the_exit_handler_reports_and_notifies(self, first_run: Run) -> None:
        workspace, report = first_run
        folder = workspace.root / "reports" / report["run_id"]
        assert json.loads((folder / "report.json").read_text())["outcome"] == "succeeded"
        page = (folder / "report.html").read_text()
        assert "blessed by InfraValidator" in page
        told = [
            json.loads(line)
            for line in (workspace.root / "notifications.jsonl").read_text().splitlines()
        ]
        assert told[0]["run_id"] == report["run_id"]
        assert told[0]["version"] == "1.0.0"

    def test_hyperparameters_arrive_as_an_artifact_with_properties(self, first_run: Run) -> None:
        artifact = nodes(first_run)["Hyperparameters"].output("result")
        assert artifact is not None
        assert artifact.type == "HyperParameters"
        assert json.loads(artifact.properties["hidden_units"]) == [16]

    def test_metrics_are_those_of_the_pushed_model(self, first_run: Run) -> None:
        """Recomputes AUC from the served model's own answers on the eval rows."""
        import tensorflow as tf
        from sklearn.metrics import roc_auc_score

        _, report = first_run
        examples = nodes(first_run)["ArrowExampleGen"].output("examples")
        assert examples is not None
        files = tf.io.gfile.glob(f"{examples.uri}/Split-eval/*")
        rows = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
        model = tf.saved_model.load(report["pushed_to"])
        served = model.signatures["serving_default"](examples=tf.constant(rows))
        label = {"delayed": tf.io.FixedLenFeature([], tf.int64)}
        labels = tf.io.parse_example(rows, label)["delayed"].numpy()
        auc = roc_auc_score(labels, served["probability"].numpy())
        # TFMA's AUC interpolates over 10,000 thresholds, scikit-learn's is exact.
        assert report["evaluation"]["overall"]["auc"] == pytest.approx(auc, abs=1e-3)
        assert report["evaluation"]["overall"]["calibration"] == pytest.approx(
            float(np.mean(served["probability"]) / np.mean(labels)), abs=1e-3
        )


def test_both_engines_evaluate_it_alike(second_run: Run, tmp_path: Path) -> None:
    """The run's own models on its eval split, against the baseline, by TFX's executor and ours."""
    from taxiway.evaluation.eval_config import eval_config
    from taxiway.modeling.spec import load_spec
    from tests.taxiway.arrow.evaluator.evaluations import (
        differences,
        execute,
        metrics_of,
        verdict_of,
    )

    workspace, _ = second_run
    found = nodes(second_run)
    examples, model = (
        found["ArrowExampleGen"].output("examples"),
        found["Trainer"].output("model"),
    )
    assert examples is not None
    assert model is not None
    config = workspace.config("evaluation.slices=[[service]]")
    asked = eval_config(config.evaluation, load_spec(config.model.module))
    arrow, beam = (
        execute(engine, examples.uri, [model.uri, model.uri], asked, tmp_path)
        for engine in ("arrow", "beam")
    )
    ours, theirs = metrics_of(arrow.folder), metrics_of(beam.folder)
    assert len(theirs) > 5
    assert ours.keys() == theirs.keys()
    for name, of_slice in theirs.items():
        assert ours[name].keys() == of_slice.keys(), name
        for key, metric in of_slice.items():
            assert not differences(ours[name][key], metric), (name, key)
    assert verdict_of(arrow.folder) == verdict_of(beam.folder)
    assert (arrow.blessing, arrow.properties) == (beam.blessing, beam.properties)


class TestSecondRun:
    """Nothing was changed since the first."""

    def test_all_is_cached_but_what_a_new_baseline_touches(self, second_run: Run) -> None:
        again = {name for name, state in states(second_run[1]).items() if state == "complete"}
        allowed = {"LatestBlessedModel", "Evaluator", "Pusher", "Registrar", "DeployQueue"}
        assert "Evaluator" in again
        assert again <= allowed

    def test_the_model_is_compared_with_itself(self, second_run: Run) -> None:
        evaluation = second_run[1]["evaluation"]
        assert evaluation["baseline"]
        assert evaluation["change"]["auc"] == pytest.approx(0.0, abs=1e-3)

    def test_the_same_model_is_neither_pushed_nor_numbered_nor_queued_twice(
        self, first_run: Run, second_run: Run
    ) -> None:
        assert second_run[1]["pushed_to"] == first_run[1]["pushed_to"]
        assert second_run[1]["version"] == first_run[1]["version"] == "1.0.0"
        queued = nodes(second_run)["DeployQueue"].output("queued")
        assert queued is not None
        assert Path(queued.uri).read_text() == "0"


class TestLaterRuns:
    """Runs again in the shared workspace, where most nodes are cached."""

    @pytest.fixture(autouse=True)
    def _workspace(self, shared_workspace: Workspace) -> None:
        self.workspace = shared_workspace

    def settled(self) -> Path:
        """Where the model is after a run for which nothing was new, not even the baseline."""
        for _ in range(3):
            report = self.workspace.run().report
            if states(report)["Evaluator"] == "cached":
                return Path(report["pushed_to"])
        raise AssertionError(f"the Evaluator finds something new each time: {report}")

    @one_stack
    def test_a_broken_delivery_is_told_and_mended_though_nothing_else_is_new(self) -> None:
        pushed = self.settled()
        config = self.workspace.config()
        graph = (pushed / "saved_model.pb").read_bytes()
        (pushed / "saved_model.pb").unlink()
        Path(config.registry.path).write_bytes(b"")
        try:
            done = taxiway("run", *self.workspace.options)
        finally:  # other tests ask the model of the shared run
            (pushed / "saved_model.pb").write_bytes(graph)
        assert done.code == 0, done.out + done.err
        told = f"{pushed}: 'saved_model.pb' is missing (manifest: {pushed / 'MANIFEST.sha256'})"
        assert told in done.out
        again = newest_version(Path(config.push.destination))
        assert again is not None
        assert int(again.name) > int(pushed.name)
        verify(again)
        (version,) = list_versions(open_database(config.registry), "tiny")
        assert (version.name, version.candidate.pushed_to) == ("1.0.0", str(again))
        assert DeployQueue(open_database(config.registry)).is_newest("tiny", "1.0.0", str(again))

    @one_stack
    def test_a_worse_a_better_and_an_earlier_model_are_numbered_for_what_they_are(self) -> None:
        """Each is pushed; what a server takes, the highest version, is what was asked for last."""
        easy = "evaluation.thresholds=[{metric: auc, lower: 0.1}]"
        config = self.workspace.config()
        worse, better, back = (
            self.workspace.run(easy, f"model.hyperparameters.epochs={epochs}").report
            for epochs in (1, 2, config.model.hyperparameters.epochs)
        )
        database = open_database(config.registry)
        first, one, two = list_versions(database, "tiny")
        assert (worse["version"], better["version"]) == (one.name, two.name) == ("1.0.1", "1.1.0")
        assert back["version"] == first.name == "1.0.0"
        for version, report, before in ((one, worse, first), (two, better, one)):
            told = f"{abs(report['evaluation']['change']['auc']):.4g}"
            way = "better" if version is two else "worse"
            assert f", {told} {way} than " in version.reasons["minor"]
            assert version.reasons["minor"].endswith(f"of {before.name}")
            compared_with = version.candidate.baseline
            assert compared_with["model_digest"] == before.candidate.model_digest
            assert compared_with["metrics"]["auc"] == pytest.approx(before.candidate.metrics["auc"])
            assert version.candidate.checks == first.candidate.checks
        assert states(worse)["Trainer"] == "complete"
        assert states(worse)["Transform"] == "cached"
        assert states(back)["Trainer"] == "cached"
        assert int(Path(back["pushed_to"]).name) > int(Path(better["pushed_to"]).name)
        served = newest_version(Path(config.push.destination))
        assert served == Path(back["pushed_to"])
        verify(served)
        assert DeployQueue(database).is_newest("tiny", back["version"], back["pushed_to"])

    @one_stack
    def test_the_text_output_tells_nodes_metrics_blessings_and_what_next(self) -> None:
        done = taxiway("run", *self.workspace.options)
        assert done.code == 0
        for told in ("Trainer", "cached", "auc", "evaluator   blessed", "pushed", "next"):
            assert told in done.out
        assert "Traceback" not in done.out + done.err
        assert "tensorflow" not in (done.out + done.err).lower()

    @pytest.mark.parametrize(
        ("assignment", "blessed"),
        [
            pytest.param([BAR], (False, True), id="the evaluator says no", marks=one_stack),
            pytest.param(
                [BUDGET], (True, False), id="the infra validator says no", marks=one_stack
            ),
            pytest.param([BAR, BUDGET], (False, False), id="both say no"),
        ],
    )
    def test_a_model_that_one_of_them_refuses_is_not_pushed(
        self, assignment: list[str], blessed: tuple[bool, bool]
    ) -> None:
        before = sorted((self.workspace.root / "serving").rglob("*"))
        done = self.workspace.run(*assignment)
        report = done.report
        assert done.code == 0
        assert report["outcome"] == "succeeded"
        assert (report["evaluation"]["blessed"], report["infra"]["blessed"]) == blessed
        assert not DELIVERY & set(states(report))
        assert report["pushed_to"] is None
        assert sorted((self.workspace.root / "serving").rglob("*")) == before
        if not blessed[0]:
            assert any("auc on overall is" in reason for reason in report["evaluation"]["reasons"])
        if not blessed[1]:
            assert "latency_budget_ms" in report["infra"]["reason"]

    @one_stack
    def test_a_worse_model_than_the_baseline_is_refused(self) -> None:
        report = self.workspace.run(
            "model.hyperparameters.learning_rate=1e-7",
            "evaluation.thresholds=[{metric: auc, lower: 0.3, change: {worst_absolute: 0.02}}]",
        ).report
        assert not report["evaluation"]["blessed"]
        assert any(r.startswith("change in auc") for r in report["evaluation"]["reasons"])
