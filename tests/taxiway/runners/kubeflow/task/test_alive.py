"""A run that was terminated has no exit task, and its pods no time: the next run ends what died."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ml_metadata import proto

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.config.tracking import TrackingMlflow
from taxiway.metadata.records import ErrorKind, NodeRecord
from taxiway.metadata.store import run_store
from taxiway.notify import NotifyFile
from taxiway.process.provenance import GIT_COMMIT, GIT_DIRTY
from taxiway.registry.database.session import open_database
from taxiway.registry.outbox.messages import list_messages
from taxiway.registry.runs import list_runs
from taxiway.runners.kubeflow.task.alive import at_work, close_lost, comes_back, goes_on
from taxiway.tracking.run_record.files import read_record
from tests.conftest import REPOSITORY, TINY
from tests.taxiway.runners.kubeflow import flaky_pipeline

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]

LOST_RUN, NODE, NEXT_RUN = "lost-run", "Flaky", "next-run"
HOLD = """
import sys
from taxiway.config.loader import load_config
from taxiway.runners.kubeflow.task.alive import at_work
from tests.conftest import TINY
with at_work(load_config([TINY], ["output.root=" + sys.argv[1]]), sys.argv[2], sys.argv[3]):
    print("at work", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(
        [TINY], [f"output.root={tmp_path}", f"pipeline.module={flaky_pipeline.__name__}"]
    )


def reopen(config: Config, run: str, node: str) -> NodeRecord:
    """Takes back that a node has ended."""
    store = run_store(config.metadata)
    record = store.node(run, node)
    assert record is not None
    (execution,) = store.mlmd.get_executions_by_id([record.execution_id])
    execution.last_known_state = proto.Execution.RUNNING
    store.mlmd.put_executions([execution])
    return record


@pytest.fixture
def output(config: Config) -> Path:
    """What a pod leaves that is gone at once: an open execution, and a half-written output."""
    from taxiway.runners.kubeflow.task.attempt import Attempt
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    Path(config.output.root, "words").write_text("well")
    assert Attempt(config, NODE, LOST_RUN, TaskOutputs("{}")).run() == 0
    record = reopen(config, LOST_RUN, NODE)
    model = record.output("model")
    assert model is not None
    return Path(model.uri)


def state(config: Config) -> tuple[str, str, ErrorKind | None]:
    record = run_store(config.metadata).node(LOST_RUN, NODE)
    assert record is not None
    return record.state, record.error, record.error_kind


OPEN = ("RUNNING", "", None)
CLOSED = ("CANCELED", "its pod was stopped or lost, and recorded no end", ErrorKind.INTERRUPTED)


@contextmanager
def pod(config: Config) -> Iterator[subprocess.Popen[str]]:
    """A process that is at work on the node until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, config.output.root, LOST_RUN, NODE],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_next_run_ends_what_was_killed_and_nothing_that_is_at_work(
    config: Config, output: Path
) -> None:
    with pod(config):
        assert close_lost(config, NEXT_RUN) == []
        assert state(config) == OPEN
        assert output.exists()
    assert close_lost(config, NEXT_RUN) == [f"{LOST_RUN}.{NODE}"]
    assert state(config) == CLOSED
    assert not output.exists()
    assert close_lost(config, NEXT_RUN) == []


def test_a_container_component_is_at_work_without_us_until_its_time_is_over(
    config: Config, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_work(config, LOST_RUN, NODE):  # prepare
        goes_on(config, LOST_RUN, NODE, 3600)
    assert close_lost(config, NEXT_RUN) == []
    assert state(config) == OPEN
    with at_work(config, LOST_RUN, NODE):
        goes_on(config, LOST_RUN, NODE, -1)
    assert close_lost(config, NEXT_RUN) == [f"{LOST_RUN}.{NODE}"]
    assert state(config) == CLOSED


def test_what_ended_by_itself_leaves_nothing_to_look_at(config: Config) -> None:
    folder = Path(config.output.pipeline_root(config.pipeline.name)) / ".running"
    with at_work(config, LOST_RUN, NODE):
        goes_on(config, LOST_RUN, NODE, 3600)
    assert [path.name for path in folder.iterdir()] == [f"{LOST_RUN}.{NODE}"]
    with at_work(config, LOST_RUN, NODE):  # publish
        comes_back(config, LOST_RUN, NODE)
    assert list(folder.iterdir()) == []


def test_the_exit_task_does_it(config: Config, output: Path) -> None:
    from taxiway.runners.kubeflow.task.exit import run_exit
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    with pod(config):
        pass
    away = TrackingMlflow(kind="mlflow", uri="http://127.0.0.1:9")
    config = config.model_copy(update={"tracking": away})
    run_exit(config, NEXT_RUN, TaskOutputs("{}"), ())
    assert state(config) == CLOSED
    waiting = list_messages(open_database(config.registry))
    mirrored = {one.payload["run"]["run_id"]: one.payload["run"]["tags"] for one in waiting}
    assert mirrored[NEXT_RUN]["taxiway.runner"] == "kubeflow"


def test_the_exit_task_puts_its_run_on_record_and_those_that_died(
    config: Config, output: Path
) -> None:
    from taxiway.runners.kubeflow.task.attempt import Attempt
    from taxiway.runners.kubeflow.task.exit import run_exit
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    with pod(config):
        pass
    Path(config.output.root, "words").write_text("well")
    commit = {GIT_COMMIT: "abc123", GIT_DIRTY: "false"}
    Attempt(config, NODE, NEXT_RUN, TaskOutputs("{}"), commit=commit).run()
    run_exit(config, NEXT_RUN, TaskOutputs("{}"), ())
    reports = Path(config.output.report_folder(""))
    record, dead = (read_record(reports / run) for run in (NEXT_RUN, LOST_RUN))
    assert record is not None
    assert dead is not None
    assert (record.runner, record.outcome, record.reason) == ("kubeflow", "succeeded", "")
    assert (record.code.commit, record.code.dirty, record.code.diff) == ("abc123", False, "")
    assert "taxiway/runners/kubeflow/task/exit.py" in record.code.files
    assert record.config["model.name"] == "tiny"
    (node,) = record.nodes
    assert (node.node, node.state) == (NODE, "complete")
    assert node.cpu_seconds is not None
    assert node.peak_memory_bytes
    assert (dead.runner, dead.outcome) == ("kubeflow", "interrupted")
    assert dead.reason == f"{NODE}: {CLOSED[1]}"
    listed = {run.run_id: run.outcome for run in list_runs(open_database(config.registry))}
    assert listed == {NEXT_RUN: "succeeded", LOST_RUN: "interrupted"}


def test_the_exit_task_tells_an_end_once_however_often_it_is_tried(
    config: Config, output: Path
) -> None:
    """As where its pod is killed after it has told, and before that is on record."""
    from taxiway.runners.kubeflow.task.exit import run_exit
    from taxiway.runners.kubeflow.task.outputs import TaskOutputs

    told = output / "told.jsonl"
    config = config.model_copy(update={"notify": NotifyFile(kind="file", path=str(told))})
    run_exit(config, NEXT_RUN, TaskOutputs("{}"), ())
    reopen(config, f"{NEXT_RUN}-exit", "Notify")
    run_exit(config, NEXT_RUN, TaskOutputs("{}"), ())
    (line,) = told.read_text().splitlines()
    assert json.loads(line)["run_id"] == NEXT_RUN


def test_a_volume_without_locks_costs_no_run(
    config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = tmp_path / "closed"
    closed.write_text("")
    elsewhere = config.output.model_copy(update={"root": str(closed)})
    with at_work(config.model_copy(update={"output": elsewhere}), LOST_RUN, NODE):
        pass
    (told,) = caplog.messages
    assert "so that no run would notice a death" in told
