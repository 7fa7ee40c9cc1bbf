"""What goes wrong in a real run: each ends with a few clear lines and nothing half-written."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxiway.metadata.records import ErrorKind
from taxiway.metadata.store import run_store
from taxiway.registry.database.session import open_database
from taxiway.registry.runs import list_runs
from taxiway.tracking.index import reindex
from taxiway.tracking.run_record.files import read_record
from tests.conftest import MEASURED, REPOSITORY, Finished, Workspace, copied, taxiway
from tests.receiver import Receiver
from tests.tied import tied

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]

DEADLINE_SECONDS = 180.0
ENDLESS = (
    "model.hyperparameters.epochs=100000",
    "model.hyperparameters.early_stopping_patience=99999",
)


def start(
    workspace: Workspace, *assignments: str, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    sets = [part for value in assignments for part in ("--set", value)]
    return subprocess.Popen(
        tied(sys.executable, "-m", "taxiway", "run", *workspace.options, *sets, "--json"),
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONFAULTHANDLER": "1", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Finished:
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    return Finished(process.returncode, out, err)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.1)


def training_logs(workspace: Workspace) -> set[Path]:
    return set(workspace.root.glob("pipelines/*/Trainer/model_run/*/train/events*"))


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The default temporary folder of `training`."""
    folder = tmp_path / "t"
    folder.mkdir()
    return folder


@pytest.fixture
def training(
    shared_workspace: Workspace, temporary: Path
) -> tuple[Workspace, subprocess.Popen[str]]:
    """A run in the middle of training that would never end by itself."""
    workspace = shared_workspace
    before = training_logs(workspace)
    process = start(workspace, *ENDLESS, env={**MEASURED, "TMPDIR": str(temporary)})
    wait_for(lambda: bool(training_logs(workspace) - before), process)
    return workspace, process


def trainer_folders(workspace: Workspace) -> set[str]:
    """Executions that have outputs: finished ones, and those under way."""
    return {path.name for path in workspace.root.glob("pipelines/*/Trainer/model*/*")}


def row_folders(workspace: Workspace) -> list[Path]:
    """Where rows are kept for the epochs."""
    return list(workspace.root.glob("pipelines/*/Trainer/model_run/*/.taxiway-rows-*"))


class TestInterrupted:
    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(signal.SIGINT, id="ctrl-c"),
            pytest.param(signal.SIGTERM, id="sigterm", marks=pytest.mark.one_stack),
        ],
    )
    def test_an_interrupt_in_training_cleans_up_and_still_reports(
        self, training: tuple[Workspace, subprocess.Popen[str]], sent: signal.Signals
    ) -> None:
        workspace, process = training
        assert len(row_folders(workspace)) == 1
        process.send_signal(sent)
        done = finish(process)
        assert done.code == 1, done.err
        report = done.report
        assert report["outcome"] == "interrupted"
        assert report["failure"]["node"] == "Trainer"
        records = run_store(workspace.config().metadata).nodes(report["run_id"])
        trainer = next(record for record in records if record.node_id == "Trainer")
        assert trainer.state == "CANCELED"
        assert trainer.outputs == {}
        assert str(trainer.execution_id) not in trainer_folders(workspace)
        assert not row_folders(workspace)
        told = (workspace.root / "notifications.jsonl").read_text().splitlines()
        assert json.loads(told[-1])["outcome"] == "interrupted"

    @pytest.mark.one_stack
    def test_a_killed_run_holds_up_no_later_one_and_leaves_nothing(
        self, training: tuple[Workspace, subprocess.Popen[str]], temporary: Path
    ) -> None:
        workspace, process = training
        killed = max(path.name for path in (workspace.root / "reports").iterdir())
        runs = run_store(workspace.config().metadata)
        (open_node,) = runs.open_nodes(killed)
        folder = str(open_node.execution_id)
        assert folder in trainer_folders(workspace)
        assert list(temporary.rglob("beam-pipeline-temp*"))
        process.kill()
        assert finish(process).code == -signal.SIGKILL
        told = ("killed", "it was killed in Trainer")
        assert listed(workspace, killed) == told  # before any other run has looked after it
        (workspace.root / "serving" / "tiny" / f".push-{process.pid}").mkdir()
        done = workspace.run(env={"TMPDIR": str(temporary)})
        assert done.code == 0
        cached = {n["node"] for n in done.report["nodes"] if n["state"] == "cached"}
        assert "Trainer" in cached
        assert done.report["version"] == "1.0.0"
        trainer = runs.node(killed, "Trainer")
        assert trainer is not None
        assert (trainer.state, trainer.error_kind) == ("FAILED", ErrorKind.KILLED)
        assert trainer.error == "ended without a word: it was killed, or its machine went down"
        assert runs.open_nodes(killed) == []
        assert folder not in trainer_folders(workspace)
        assert not row_folders(workspace)
        assert not list(workspace.root.rglob(f".system/*/{folder}"))
        assert list(temporary.iterdir()) == []
        assert not list(workspace.root.glob("serving/*/.push-*"))
        log = workspace.root / "reports" / done.report["run_id"] / "run.log"
        line = f"run {killed} was killed in Trainer; what it left half-written is removed"
        assert line in log.read_text()
        newest = list_runs(open_database(workspace.config().registry), limit=2)
        assert [(run.run_id, run.outcome) for run in newest] == [
            (done.report["run_id"], "succeeded"),
            (killed, "killed"),
        ]
        assert newest[1].failure == "it was killed in Trainer"
        assert listed(workspace, killed) == told
        record = read_record(workspace.root / "reports" / killed)
        assert record is not None
        assert (record.outcome, record.reason) == told
        states = {node.node: node.state for node in record.nodes}
        assert states["Trainer"] == "killed"

    @pytest.mark.one_stack
    def test_a_run_that_is_killed_before_its_first_node_is_on_record(
        self, workspace: Workspace
    ) -> None:
        process = start(workspace)
        wait_for(lambda: bool(list(workspace.root.glob("reports/*/record.json"))), process)
        process.kill()
        finish(process)
        (folder,) = workspace.root.glob("reports/*")
        told = ("killed", "it was killed before its first node")
        assert listed(workspace, folder.name) == told
        record = read_record(folder)
        assert record is not None
        assert (record.command, bool(record.code.files)) == (
            (folder / "command.txt").read_text().strip(),
            True,
        )


@pytest.mark.long
def test_a_run_that_is_killed_at_any_time_is_listed_with_how_it_ended(
    workspace: Workspace,
) -> None:
    """Ten times, drawn over the whole of a run; in the end the next run has looked after each."""
    begun = time.monotonic()
    assert workspace.run("pipeline.cache=false").code == 0
    longest = time.monotonic() - begun
    moments = random.Random(16)
    ends: dict[str, tuple[str, str]] = {}
    for _ in range(10):
        before = set((workspace.root / "reports").iterdir())
        process = start(workspace, "pipeline.cache=false")
        wait_for(lambda seen=before: new_record(workspace, seen) is not None, process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0, longest))
        process.kill()
        code = finish(process).code
        run_id = new_record(workspace, before)
        assert run_id is not None
        outcome, reason = ends[run_id] = listed(workspace, run_id)
        expected = "killed" if code else "succeeded"
        assert outcome == expected, (run_id, outcome, reason)
        assert reason.startswith("it was killed ") is (code != 0)
    assert workspace.run().code == 0
    assert {run_id: listed(workspace, run_id) for run_id in ends} == ends
    assert len({reason for _, reason in ends.values()}) >= 4  # they were not all at one place


def new_record(workspace: Workspace, before: set[Path]) -> str | None:
    """The run that has come to have a record since."""
    found = {path.parent for path in workspace.root.glob("reports/*/record.json")} - before
    return max((path.name for path in found), default=None)


def listed(workspace: Workspace, run_id: str) -> tuple[str, str]:
    """Outcome and reason of a run in an index that is made anew."""
    config = workspace.config()
    reindex(config)
    found = {run.run_id: run for run in list_runs(open_database(config.registry))}
    return found[run_id].outcome, found[run_id].failure


@pytest.mark.one_stack
def test_two_runs_at_once_on_one_store_both_complete(shared_workspace: Workspace) -> None:
    first, second = start(shared_workspace), start(shared_workspace)
    done = [finish(process) for process in (first, second)]
    assert [one.code for one in done] == [0, 0]
    assert done[0].report["run_id"] != done[1].report["run_id"]
    assert all(one.report["outcome"] == "succeeded" for one in done)


@pytest.fixture(scope="module")
def stopped(spans: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Finished]:
    """A run on parcels of a service that the curated schema does not know."""
    workspace = copied(spans, tmp_path_factory.mktemp("stopped") / "var")
    path = next(workspace.root.glob("data/*/span-3/*.parquet"))
    table = pq.read_table(path)
    index = table.schema.get_field_index("service")
    strange = pa.array(["ZZ"] * table.num_rows, table.schema.field("service").type)
    pq.write_table(table.set_column(index, "service", strange), path)
    return workspace, workspace.run(env=MEASURED)


class TestGate:
    def test_an_anomaly_stops_the_run_before_transform_and_is_told(
        self, stopped: tuple[Workspace, Finished]
    ) -> None:
        workspace, done = stopped
        report = done.report
        assert done.code == 1
        assert report["outcome"] == "stopped"
        assert report["failure"]["node"] == "DataGate"
        assert "eval/service" in report["failure"]["reason"]
        assert "ZZ" in report["failure"]["reason"]
        assert "Transform" not in {node["node"] for node in report["nodes"]}
        assert not (workspace.root / "serving").exists()
        told = (workspace.root / "notifications.jsonl").read_text().splitlines()
        assert json.loads(told[-1])["outcome"] == "stopped"
        page = workspace.root / "reports" / report["run_id"] / "report.html"
        assert "stopped" in page.read_text()

    @pytest.mark.one_stack
    def test_the_terminal_shows_a_few_lines_and_what_to_edit(
        self, stopped: tuple[Workspace, Finished]
    ) -> None:
        workspace, _ = stopped
        done = taxiway("run", *workspace.options, "--set", "notify={kind: webhook}")
        assert done.code == 1
        later = "the next run sends it, or `taxiway outbox flush`"
        assert re.search(rf"\nnotify: not sent yet: .*TAXIWAY_WEBHOOK_URL.*; {later}\n", done.out)
        ending = done.out[done.out.index("stopped after") :]
        assert "reason      DataGate found" in ending
        assert re.search(r"edit +the data, .*schema\.pbtxt", ending, re.DOTALL)
        assert "log " in ending
        assert len(ending.splitlines()) < 20
        assert "Traceback" not in done.out + done.err

    @pytest.mark.one_stack
    def test_a_receiver_that_was_away_hears_of_it_by_a_flush(
        self, stopped: tuple[Workspace, Finished], receiver: Receiver
    ) -> None:
        workspace, _ = stopped
        (waiting,) = json.loads(taxiway("outbox", "list", "--json", *workspace.options).out)
        done = taxiway("outbox", "flush", *workspace.options)
        assert (done.code, done.out) == (0, "1 taken: 1 sent, 0 failed, 0 given up; 0 left\n")
        ((_, _, headers, body),) = receiver.requests
        assert headers["Idempotency-Key"] == waiting["key"]
        assert json.loads(body)["outcome"] == "stopped"

    @pytest.mark.one_stack
    def test_an_edited_schema_is_seen_by_the_next_run(
        self, workspace: Workspace, tmp_path: Path
    ) -> None:
        """Its path, by which TFX's own cache knows it, stays the same."""
        text = (REPOSITORY / "tests/tiny/schema.pbtxt").read_text()
        schema = tmp_path / "edited.pbtxt"
        for unknown, known in (("rail", "post"), ("post", "rail")):
            schema.write_text(text.replace(f'value: "{unknown}"\n', ""))
            report = workspace.run(f"data.schema_file={schema}").report
            assert report["outcome"] == "stopped"
            assert unknown in report["failure"]["reason"]
            assert known not in report["failure"]["reason"]


@pytest.mark.one_stack
class TestBadInput:
    def test_a_wrong_cell_is_told_with_file_line_and_column(self, workspace: Workspace) -> None:
        made = taxiway("data", *workspace.options, "--set", "data.format=csv")
        assert made.code == 0
        path = next(workspace.root.glob("data/*/span-2/*.csv"))
        lines = path.read_text().splitlines()
        column = lines[0].replace('"', "").split(",").index("kilograms")
        cells = lines[10].split(",")
        cells[column] = "far"
        lines[10] = ",".join(cells)
        path.write_text("\n".join(lines) + "\n")
        done = taxiway("run", *workspace.options, "--set", "data.format=csv")
        assert done.code == 1
        ending = done.out[done.out.index("failed after") :]
        assert "node        ArrowExampleGen" in ending
        told = " ".join(ending.split())
        for part in ("tiny.csv", "line 11", "kilograms", "far"):
            assert part in told
        assert "Traceback" not in done.out + done.err
        (log,) = workspace.root.glob("reports/*/run.log")
        assert "node ArrowExampleGen failed\nTraceback" in log.read_text()

    def test_a_span_that_does_not_exist_is_told_with_those_that_do(
        self, workspace: Workspace
    ) -> None:
        done = workspace.run("data.spans={kind: window, length: 2, end: 9}")
        assert done.code == 1
        assert done.report["failure"]["node"] == "ArrowExampleGen"
        assert "(spans that exist: 1 to 3)" in done.report["failure"]["reason"]


@pytest.mark.one_stack
class TestNothingStarts:
    """Exit code 2, before TensorFlow is loaded and before anything is written."""

    def refused(self, workspace: Workspace, *assignments: str, **env: str) -> str:
        sets = [part for value in assignments for part in ("--set", value)]
        done = taxiway("run", *workspace.options, *sets, env=env)
        assert done.code == 2, done.out + done.err
        assert "Traceback" not in done.err
        assert not (workspace.root / "reports").exists()
        return " ".join(done.err.split())

    def test_a_misspelt_key(self, workspace: Workspace) -> None:
        told = self.refused(workspace, "model.hyperparameters.epoch=3")
        assert "model.hyperparameters.epoch: unknown key; did you mean 'epochs'?" in told

    def test_a_metric_that_the_evaluator_does_not_know(self, workspace: Workspace) -> None:
        told = self.refused(workspace, "evaluation.metrics=[auc, acuracy, calibration]")
        assert "unknown metric 'acuracy'" in told
        assert "edit: evaluation.metrics" in told

    def test_a_serving_folder_that_is_a_file(self, workspace: Workspace) -> None:
        occupied = workspace.root / "models"
        occupied.write_text("a file")
        told = self.refused(workspace, f"push.destination={occupied}")
        assert f"push.destination: {occupied} must be a folder" in told

    def test_an_output_root_below_a_file(self, workspace: Workspace) -> None:
        (workspace.root / "file").write_text("a file")
        told = self.refused(
            workspace,
            f"output.root={workspace.root}/file/var",
            f"data.root={workspace.root}/data/tiny",
        )
        assert "is a file" in told
        assert "output.root" in told

    def test_data_that_was_never_exported(self, workspace: Workspace) -> None:
        told = self.refused(workspace, "data.dataset=other")
        assert "there is no data in" in told
        assert "taxiway data" in told

    def test_a_schema_that_does_not_exist(self, workspace: Workspace) -> None:
        told = self.refused(workspace, "data.schema_file=nowhere.pbtxt")
        assert "curated schema nowhere.pbtxt does not exist" in told

    def test_a_model_module_that_does_not_import(
        self, workspace: Workspace, tmp_path: Path
    ) -> None:
        package = tmp_path / "broken_model"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "features.py").write_text("import a_package_no_one_has\n")
        told = self.refused(workspace, "model.module=broken_model", PYTHONPATH=str(tmp_path))
        assert "broken_model.features does not import" in told
        assert "a_package_no_one_has" in told

    def test_a_folder_without_write_permission(self, workspace: Workspace, tmp_path: Path) -> None:
        place = tmp_path / "closed"
        place.mkdir()
        mounted = os.geteuid() == 0
        if mounted:  # permissions do not bind root, a read-only file system does
            mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)])
            if mount.returncode:
                pytest.skip("root here may not mount, and permissions do not bind it")
        else:
            place.chmod(0o500)
        try:
            told = self.refused(workspace, f"push.destination={place}/models")
        finally:
            if mounted:
                subprocess.run(["umount", str(place)], check=True)
        assert "push.destination: no permission to write" in told
