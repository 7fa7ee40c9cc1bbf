"""A real run in MLflow and in TensorBoard, by the commands that people use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from taxiway.tracking.tensorboard import RunLinks
from tests.conftest import REPOSITORY, Run, Workspace
from tests.taxiway.tracking.mirror.audited import Audit, merged
from tests.taxiway.tracking.mirror.conftest import MlflowServer, free_port
from tests.tied import tied

pytestmark = [pytest.mark.pipeline, pytest.mark.one_stack]


def test_a_run_is_in_mlflow_and_no_socket_of_it_leaves_the_machine(
    shared_workspace: Workspace, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    audit = Audit(tmp_path / "audit")
    experiment = "real"
    done = shared_workspace.run(
        "tracking.kind=mlflow",
        f"tracking.uri={mlflow_server.uri}",
        f"tracking.experiment={experiment}",
        env=merged(audit.environment()),
    )
    assert done.code == 0, done.err
    run_id = done.report["run_id"]
    (run,) = mlflow_server.runs(experiment)
    assert (run["info"]["run_name"], run["info"]["status"]) == (run_id, "FINISHED")
    assert run["tags"]["taxiway.pipeline"] == "tiny"
    assert run["params"]["model.hyperparameters.learning_rate"] == "0.01"
    overall = done.report["evaluation"]["overall"]
    assert run["metrics"]["auc"] == pytest.approx(overall["auc"], abs=1e-9)
    asked = {"run_id": run["info"]["run_id"], "metric_key": "epoch/loss"}
    curve = mlflow_server.call("GET", "metrics/get-history", **asked)["metrics"]
    assert [one.get("step", 0) for one in curve] == list(range(len(curve)))
    assert len(curve) > 1
    files = mlflow_server.call("GET", "artifacts/list", run_id=run["info"]["run_id"])["files"]
    assert [one["path"] for one in files] == [
        "config.yaml",
        "record.json",
        "report.html",
        "report.json",
    ]
    version = done.report["version"]
    found = mlflow_server.call("GET", "model-versions/search", filter="name='tiny'")
    (registered,) = found["model_versions"]
    tags = {tag["key"]: tag["value"] for tag in registered["tags"]}
    assert tags["taxiway.version"] == version

    port = int(mlflow_server.uri.rpartition(":")[2])
    assert ["127.0.0.1", port] in audit.told("connect")  # the hook was at work
    assert audit.outside() == []
    assert "mlflow" not in audit.told("import")


def test_the_server_of_taxiway_mlflow_tells_no_one_but_who_asks(
    mlflow_server: MlflowServer,
) -> None:
    url = f"{mlflow_server.uri}/ajax-api/3.0/mlflow/ui-telemetry"
    with urllib.request.urlopen(url) as answer:  # what its page asks; it would ask its makers
        assert json.load(answer)["disable_ui_telemetry"] is True
    assert "mlflow" in mlflow_server.audit.told("import")
    assert mlflow_server.audit.outside() == []


def test_the_hook_sees_what_leaves_the_machine(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit")
    program = (
        "import contextlib, socket\n"
        "with contextlib.suppress(OSError), socket.socket() as one:\n"
        "    one.setblocking(False)\n"
        "    one.connect(('192.0.2.1', 9))\n"  # of no one, kept for examples
    )
    subprocess.run([sys.executable, "-c", program], env=audit.environment(), check=True)
    assert audit.outside() == ["192.0.2.1"]


def test_each_run_has_a_link_by_its_name_to_what_was_logged(
    first_two_runs: tuple[Run, Run], tmp_path: Path
) -> None:
    workspace = first_two_runs[0][0]
    config = workspace.config()
    elsewhere = config.model_copy(
        update={"output": config.output.model_copy(update={"root": str(tmp_path)})}
    )
    links = RunLinks(elsewhere)
    (tmp_path / "tensorboard" / "tiny").mkdir(parents=True)
    (tmp_path / "tensorboard" / "tiny" / "gone").symlink_to(tmp_path / "gone")
    for _ in range(2):
        assert links.refresh() == 2
        ids = sorted(report["run_id"] for _, report in first_two_runs)
        there = sorted(path for path in (tmp_path / "tensorboard" / "tiny").iterdir())
        assert [path.name for path in there] == ids
    assert {path.readlink() for path in there} == {there[0].readlink()}  # the second was cached
    assert list(there[0].glob("train/events.*"))


def test_tensorboard_shows_all_runs_by_name(shared_workspace: Workspace) -> None:
    port = free_port()
    process = subprocess.Popen(
        tied(
            *(sys.executable, "-m", "taxiway", "tensorboard", "--port", str(port)),
            *shared_workspace.options,
        ),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert (
            process.stdout.readline() == f"TensorBoard at http://127.0.0.1:{port}; Ctrl-C ends it\n"
        )
        folder = RunLinks(shared_workspace.config()).folder
        names = {str(path.relative_to(folder)) for path in folder.glob("*/*")}
        assert len(names) >= 2
        shown: set[str] = set()
        deadline = time.monotonic() + 60
        while not names <= {name.rpartition("/")[0] for name in shown}:
            assert time.monotonic() < deadline, (names, shown)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/runs") as answer:
                shown = set(json.load(answer))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        process.stdout.close()
