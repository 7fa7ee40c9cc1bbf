"""What a task gives Kubeflow, and how it finds out which run it belongs to."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from taxiway.errors import ConfigError
from taxiway.runners.kubeflow.task import supervisor as node
from taxiway.runners.kubeflow.task.job import NodeJob
from taxiway.runners.kubeflow.task.outputs import TaskOutputs, local_path

JOB = NodeJob("Trainer", {"pipeline": {"name": "parcels"}}, "0" * 64).pack()


def executor_input(folder: Path, uri: str) -> str:
    return json.dumps(
        {
            "outputs": {
                "artifacts": {"metrics": {"artifacts": [{"name": "metrics", "uri": uri}]}},
                "parameters": {"run": {"outputFile": f"{folder}/deep/run"}},
                "outputFile": f"{folder}/also/deep/executor_output.json",
            }
        }
    )


class TestOutputs:
    def test_metrics_are_a_file_and_metadata(self, tmp_path: Path) -> None:
        outputs = TaskOutputs(executor_input(tmp_path, f"{tmp_path}/bucket/metrics"))
        outputs.write_metrics("metrics", {"auc": 0.7, "precision": math.nan, "loss": math.inf})
        assert json.loads((tmp_path / "bucket/metrics").read_text()) == {"auc": 0.7}
        told = json.loads((tmp_path / "also/deep/executor_output.json").read_text())
        (artifact,) = told["artifacts"]["metrics"]["artifacts"]
        assert artifact["metadata"] == {"auc": 0.7}

    def test_parameters_are_files_of_their_own(self, tmp_path: Path) -> None:
        outputs = TaskOutputs(executor_input(tmp_path, "minio://bucket/metrics"))
        outputs.write_parameters({"run": "env"})
        assert (tmp_path / "deep/run").read_text() == "env"

    def test_only_what_is_declared_is_there(self, tmp_path: Path) -> None:
        outputs = TaskOutputs(executor_input(tmp_path, "minio://bucket/metrics"))
        assert "metrics" in outputs
        assert "report" not in outputs
        assert "metrics" not in TaskOutputs("{}")

    def test_what_was_not_written_is_completed_and_what_was_is_kept(self, tmp_path: Path) -> None:
        """By the supervisor, which is another process than the one that wrote before it died."""
        places = {
            name: {"artifacts": [{"name": name, "uri": f"{tmp_path}/bucket/{name}"}]}
            for name in ("record", "metrics", "report")
        }
        files = {name: {"outputFile": f"{tmp_path}/p/{name}"} for name in ("run", "argument_0")}
        out = {"artifacts": places, "parameters": files, "outputFile": f"{tmp_path}/out.json"}
        given = json.dumps({"outputs": out})
        first = TaskOutputs(given)
        first.write_metrics("metrics", {"auc": 0.7})
        first.write_parameters({"run": "env"})
        TaskOutputs(given).complete({"node": "Trainer", "state": "FAILED"})
        assert {path.name for path in (tmp_path / "bucket").iterdir()} == set(places)
        assert json.loads((tmp_path / "bucket/metrics").read_text()) == {"auc": 0.7}
        assert json.loads((tmp_path / "bucket/report").read_text())["state"] == "FAILED"
        told = json.loads((tmp_path / "out.json").read_text())["artifacts"]
        assert {key: one["artifacts"][0]["metadata"] for key, one in told.items()} == {
            "metrics": {"auc": 0.7},
            "record": {"node": "Trainer", "state": "FAILED"},
            "report": {"node": "Trainer", "state": "FAILED"},
        }
        assert (tmp_path / "p/run").read_text() == "env"
        assert (tmp_path / "p/argument_0").read_text() == ""

    @pytest.mark.parametrize(
        ("uri", "path"),
        [
            ("minio://mlpipeline/v2/a", "/minio/mlpipeline/v2/a"),
            ("gs://bucket/a", "/gcs/bucket/a"),
            ("s3://bucket/a", "/s3/bucket/a"),
        ],
    )
    def test_a_buckets_files_are_where_kfps_launcher_looks(self, uri: str, path: str) -> None:
        assert local_path(uri) == path


class TestRunId:
    def given(self, run_id: str, uri: str, tmp_path: Path) -> Any:
        options = ["--executor-input", executor_input(tmp_path, uri)]
        return node.parse(["--job", JOB, "--run-id", run_id, *options])

    def test_a_back_end_that_fills_it_in_is_believed(self, tmp_path: Path) -> None:
        uri = "minio://mlpipeline/v2/artifacts/parcels/other/trainer/metrics"
        assert node.run_id_of(self.given("a-b-c", uri, tmp_path)) == "a-b-c"

    @pytest.mark.parametrize(
        "root", ["minio://mlpipeline/v2/artifacts", "gs://bucket", "s3://bucket/deep/er"]
    )
    def test_an_older_one_tells_it_by_where_artifacts_go(self, root: str, tmp_path: Path) -> None:
        uri = f"{root}/parcels/a-b-c/trainer/metrics"
        arguments = self.given("{{$.pipeline_job_uuid}}", uri, tmp_path)
        assert node.run_id_of(arguments) == "a-b-c"

    @pytest.mark.parametrize(
        ("root", "name"),
        [
            ("s3://parcels/artifacts", "parcels"),
            ("s3://bucket/parcels/artifacts", "parcels"),
            ("gs://parcels/parcels/parcels", "parcels"),
            ("gs://bucket", "trainer"),  # the task's own name
            ("gs://trainer/metrics/trainer", "trainer"),
        ],
    )
    @pytest.mark.parametrize("salt", ["", "/d34d-b33f"])  # newer back ends put one in
    def test_a_root_of_the_pipelines_name_is_not_taken_for_it(
        self, root: str, name: str, salt: str
    ) -> None:
        uri = f"{root}/{name}/a-b-c/trainer{salt}/metrics"
        given = {"outputs": {"artifacts": {"metrics": {"artifacts": [{"name": "m", "uri": uri}]}}}}
        assert TaskOutputs(json.dumps(given)).run_id(name) == "a-b-c"

    def test_without_either_the_task_fails_rather_than_mix_up_runs(self, tmp_path: Path) -> None:
        arguments = self.given("{{$.pipeline_job_uuid}}", "gs://bucket/metrics", tmp_path)
        with pytest.raises(ConfigError, match="no run id"):
            node.run_id_of(arguments)
