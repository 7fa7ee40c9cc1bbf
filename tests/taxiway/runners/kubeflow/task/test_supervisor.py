"""The node launcher: an attempt can be repeated at any point, and its exit code is the truth."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from ml_metadata import proto

from taxiway.config.loader import load_config, portable, project_digest
from taxiway.config.schema import Config
from taxiway.metadata.records import ErrorKind
from taxiway.metadata.store import RunStore, run_store
from tests.conftest import MEASURED, REPOSITORY, TINY, Run
from tests.databases import Server
from tests.tied import tied
from tests.tiny.mock import rows

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]

DEADLINE_SECONDS = 120.0
ROWS_OF_A_SPAN = 30_000


def run_id() -> str:
    return str(uuid.uuid4())


def attempt(
    config: Config, node_id: str, run: str, phase: str = "whole", observers: Sequence[Any] = ()
) -> int:
    from taxiway.runners.kubeflow.task.attempt import Attempt
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    return Attempt(config, node_id, run, TaskOutputs("{}"), observers).run(phase)


def executions(runs: RunStore, run: str) -> list[Any]:
    context = runs.mlmd.get_context_by_type_and_name("pipeline_run", run)
    return list(runs.mlmd.get_executions_by_context(context.id))


@pytest.fixture(params=["mariadb", "postgresql"])
def server(request: pytest.FixtureRequest, password: str) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def config(server: Server, volume: Path) -> Config:
    """The tiny config on a fresh database of a real server."""
    return load_config([TINY], [f"output.root={volume}", *server.settings()])


class TestOnAServer:
    def test_a_node_works_and_a_retry_of_it_is_a_no_op(self, config: Config) -> None:
        run = run_id()
        assert attempt(config, "ImportSchemaGen", run) == 0
        store = run_store(config.metadata)
        first = store.node(run, "ImportSchemaGen")
        assert first is not None
        assert first.state == "COMPLETE"
        assert attempt(config, "ImportSchemaGen", run) == 0
        assert len(executions(store, run)) == 1
        assert store.node(run, "ImportSchemaGen") == first

    def test_the_next_run_finds_it_cached(self, config: Config) -> None:
        assert attempt(config, "ImportSchemaGen", run_id()) == 0
        again = run_id()
        assert attempt(config, "ImportSchemaGen", again) == 0
        record = run_store(config.metadata).node(again, "ImportSchemaGen")
        assert record is not None
        assert record.state == "CACHED"

    def test_the_next_run_makes_again_what_is_no_longer_whole(self, config: Config) -> None:
        first, again = run_id(), run_id()
        assert attempt(config, "ImportSchemaGen", first) == 0
        made = run_store(config.metadata).node(first, "ImportSchemaGen")
        assert made is not None
        schema = made.output("schema")
        assert schema is not None
        (Path(schema.uri) / "schema.pbtxt").unlink()
        events: list[Any] = []
        watching = SimpleNamespace(on_event=events.append)
        assert attempt(config, "ImportSchemaGen", again, observers=(watching,)) == 0
        record = run_store(config.metadata).node(again, "ImportSchemaGen")
        assert record is not None
        assert record.state == "COMPLETE"
        (told,) = (event.text for event in events if hasattr(event, "text"))
        of_before = "its schema of before is not reused, since it is not whole: "
        assert told.startswith(f"{of_before}{schema.uri} has 0 files, 0 bytes")

    def test_an_importer_and_a_resolver_register_once_however_often_they_are_tried(
        self, config: Config
    ) -> None:
        run = run_id()
        for node in ("Hyperparameters", "LatestBlessedModel"):
            assert [attempt(config, node, run) for _ in range(3)] == [0, 0, 0]
        assert len(executions(run_store(config.metadata), run)) == 2

    def test_nodes_may_register_at_once_on_an_empty_database(
        self, server: Server, volume: Path
    ) -> None:
        """They make the database's tables, and the same types, at the same time."""
        nodes = ("Hyperparameters", "LatestBlessedModel", "ImportSchemaGen")
        for _ in range(3):
            config = load_config([TINY], [f"output.root={volume}", *server.settings()])
            run, codes = run_id(), dict.fromkeys(nodes, -1)
            together = threading.Barrier(len(nodes))

            def work(
                node: str,
                config: Config = config,
                run: str = run,
                codes: dict[str, int] = codes,
                together: threading.Barrier = together,
            ) -> None:
                together.wait()
                codes[node] = attempt(config, node, run)

            threads = [threading.Thread(target=work, args=(node,)) for node in nodes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert codes == dict.fromkeys(nodes, 0)
            assert len(run_store(config.metadata).nodes(run)) == len(nodes)

    def test_inputs_that_cannot_be_resolved_fail_the_task(self, config: Config) -> None:
        """TFX publishes FAILED and does not raise, so a stock launcher would end green."""
        run = run_id()
        assert attempt(config, "SchemaGen", run) == 1
        record = run_store(config.metadata).node(run, "SchemaGen")
        assert record is None or record.state == "FAILED"

    def test_the_run_keeps_its_config(self, config: Config) -> None:
        run = run_id()
        assert attempt(config, "LatestBlessedModel", run) == 0
        kept = run_store(config.metadata).properties(run)
        assert "name: tiny" in kept["config"]
        assert "only for tests" not in kept["config"]


class TestADeadAttempt:
    @pytest.fixture
    def left(self, mariadb: Server, password: str, volume: Path) -> tuple[Config, str, Any]:
        """What kill -9 leaves: an open execution, and a half-written output."""
        config = load_config([TINY], [f"output.root={volume}", *mariadb.settings()])
        run = run_id()
        assert attempt(config, "ImportSchemaGen", run) == 0
        store = run_store(config.metadata)
        (execution,) = executions(store, run)
        execution.last_known_state = proto.Execution.RUNNING
        store.mlmd.put_executions([execution])
        folder = self.folder(config, execution)
        (folder / "half-written").write_text("something")
        return config, run, execution

    def folder(self, config: Config, execution: Any) -> Path:
        root = Path(config.output.pipeline_root(config.pipeline.name))
        return root / "ImportSchemaGen" / "schema" / str(execution.id)

    def test_its_execution_and_nothing_else_of_it_is_used_again(
        self, left: tuple[Config, str, Any]
    ) -> None:
        config, run, execution = left
        assert attempt(config, "ImportSchemaGen", run) == 0
        record = run_store(config.metadata).node(run, "ImportSchemaGen")
        assert record is not None
        assert (record.execution_id, record.state) == (execution.id, "COMPLETE")
        assert (record.error, record.error_kind) == ("", None)
        files = {path.name for path in self.folder(config, execution).iterdir()}
        assert files == {"schema.pbtxt"}

    def test_where_none_follows_its_end_is_recorded_and_its_outputs_are_removed(
        self, left: tuple[Config, str, Any]
    ) -> None:
        from taxiway.runners.nodes.cleanup import abandon

        config, run, execution = left
        assert abandon(config, run, "it died", ErrorKind.FAILED) == ["ImportSchemaGen"]
        record = run_store(config.metadata).node(run, "ImportSchemaGen")
        assert record is not None
        assert (record.state, record.error) == ("FAILED", "it died")
        assert not self.folder(config, execution).exists()
        assert abandon(config, run, "it died", ErrorKind.FAILED) == []


def test_a_node_whose_condition_is_false_ends_green_and_so_does_what_follows(
    first_run: Run, tmp_path: Path
) -> None:
    """On a copy of a real run's store, in which no model of a new run is blessed."""
    import shutil

    workspace, report = first_run
    store = tmp_path / "metadata.sqlite"
    shutil.copy(workspace.metadata, store)
    config = workspace.config(f"metadata.path={store}")
    refuse_blessing(config, report["run_id"])
    for node in ("Pusher", "Registrar", "DeployQueue"):
        forget(config, report["run_id"], node)
        assert attempt(config, node, report["run_id"]) == 0
        assert run_store(config.metadata).node(report["run_id"], node) is None


def refuse_blessing(config: Config, run: str) -> None:
    store = run_store(config.metadata)
    evaluator = store.node(run, "Evaluator")
    assert evaluator is not None
    blessing = evaluator.output("blessing")
    assert blessing is not None
    (artifact,) = store.mlmd.get_artifacts_by_id([blessing.id])
    artifact.custom_properties["blessed"].int_value = 0
    store.mlmd.put_artifacts([artifact])


def forget(config: Config, run: str, node: str) -> None:
    """Moves a node's execution out of the run."""
    import sqlite3

    store = run_store(config.metadata)
    record = store.node(run, node)
    context = store.mlmd.get_context_by_type_and_name("pipeline_run", run)
    assert record is not None
    del store
    connection = sqlite3.connect(config.metadata.path)  # type: ignore[union-attr]  # it is there
    with contextlib.closing(connection) as opened, opened as database:
        database.execute(
            "DELETE FROM Association WHERE context_id = ? AND execution_id = ?",
            (context.id, record.execution_id),
        )


class TestAProcess:
    """`python -m taxiway.runners.kubeflow.task.supervisor`, as the compiled pipeline calls it."""

    @pytest.fixture(scope="class")
    def year(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """So many parcels that ExampleGen works for some seconds."""
        root = tmp_path_factory.mktemp("year")
        for span in range(1, 13):
            (root / f"span-{span}").mkdir()
            pq.write_table(rows(ROWS_OF_A_SPAN, seed=span), root / f"span-{span}" / "all.parquet")
        return root

    @pytest.fixture
    def config(self, mariadb: Server, password: str, year: Path, tmp_path: Path) -> Config:
        settings = [
            "data.spans={kind: window, length: 12}",
            f"data.root={year}",
            f"output.root={tmp_path}/volume",
        ]
        return load_config([TINY], [*settings, *mariadb.settings()])

    def start(self, config: Config, run: str, *options: str, **job: Any) -> subprocess.Popen[str]:
        from taxiway.runners.kubeflow.task.job import NodeJob

        digest = job.pop("code_digest", project_digest(config))
        packed = NodeJob("ArrowExampleGen", portable(config), digest).pack()
        return subprocess.Popen(
            tied(
                *(sys.executable, "-m", "taxiway.runners.kubeflow.task.supervisor"),
                *("--job", packed, "--run-id", run, *options),
            ),
            cwd=REPOSITORY,
            env={**os.environ, **MEASURED},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def test_told_to_stop_it_says_so_in_the_metadata_and_leaves_no_output(
        self, config: Config
    ) -> None:
        run = run_id()
        process = self.start(config, run)
        wait_for(lambda: is_running(config, run), process)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 1, out
        record = run_store(config.metadata).node(run, "ArrowExampleGen")
        assert record is not None
        assert record.state == "CANCELED"
        assert record.error_kind is ErrorKind.INTERRUPTED
        assert record.error == "stopped by SIGTERM"
        assert not outputs(config)

    def test_a_work_process_that_is_killed_is_told_and_another_attempt_succeeds(
        self, config: Config
    ) -> None:
        run = run_id()
        process = self.start(config, run, "--attempts", "2", "--backoff", "0.1", "2")
        wait_for(lambda: is_running(config, run), process)
        (child,) = children(process.pid)
        execution = run_store(config.metadata).node(run, "ArrowExampleGen")
        os.kill(child, signal.SIGKILL)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, out
        assert "killed by SIGKILL, as the kernel does when memory runs out" in out
        assert "ArrowExampleGen attempt 2 of 2 in 0.1 s" in out
        again = run_store(config.metadata).node(run, "ArrowExampleGen")
        assert again is not None
        assert execution is not None
        assert (again.execution_id, again.state) == (execution.execution_id, "COMPLETE")
        assert again.error == ""
        assert len(outputs(config)) == 1

    def test_one_that_takes_too_long_is_ended_and_still_gives_all_that_it_declares(
        self, config: Config, tmp_path: Path
    ) -> None:
        run = run_id()
        place = {"artifacts": [{"name": "record", "uri": f"{tmp_path}/out/record"}]}
        given = {"outputs": {"artifacts": {"record": place}, "outputFile": f"{tmp_path}/out.json"}}
        options = ("--timeout-seconds", "0.5", "--executor-input", json.dumps(given))
        process = self.start(config, run, *options)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 1
        assert "ArrowExampleGen took longer than 0.5 s" in out
        told = json.loads((tmp_path / "out/record").read_text())
        assert told == {"run": run, "node": "ArrowExampleGen", "state": "FAILED"}

    def test_an_image_with_other_code_is_refused(self, config: Config) -> None:
        process = self.start(config, run_id(), code_digest="0" * 64)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 1
        assert "the image holds other code than the pipeline was compiled from" in out
        assert "Traceback" not in out

    def test_a_run_parameter_changes_what_the_node_does(self, config: Config) -> None:
        run = run_id()
        options = ("--parameter", "data.spans.length", "2", "--parameter", "data.spans.end", "")
        process = self.start(config, run, *options)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, out
        record = run_store(config.metadata).node(run, "ArrowExampleGen")
        assert record is not None
        examples = record.output("examples")
        assert examples is not None
        dropped = int(examples.properties["rows_dropped"])
        assert int(examples.properties["rows_read"]) + dropped == 2 * ROWS_OF_A_SPAN

    def test_a_parameter_that_does_not_fit_is_told_with_its_key(self, config: Config) -> None:
        process = self.start(config, run_id(), "--parameter", "data.spans.length", "many")
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 1
        assert "data.spans.window.length" in out
        assert "many" in out

    def test_a_store_that_does_not_answer_is_told(
        self, config: Config, password: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from taxiway.errors import TaxiwayError

        monkeypatch.setattr(type(config.metadata), "PATIENCE_SECONDS", 1.0)
        closed = config.metadata.model_copy(update={"port": 1})
        with pytest.raises(TaxiwayError, match="the metadata store does not let us in"):
            run_store(closed).nodes(password)


def is_running(config: Config, run: str) -> bool:
    store = run_store(config.metadata)
    if store.mlmd.get_context_by_type_and_name("pipeline_run", run) is None:
        return False
    record = store.node(run, "ArrowExampleGen")
    return record is not None and bool(outputs(config))


def outputs(config: Config) -> list[Path]:
    root = Path(config.output.pipeline_root(config.pipeline.name))
    return list(root.glob("ArrowExampleGen/examples/*"))


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.05)
