"""Whatever a task declares it writes, however it ends; KFP fails a task that does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_metadata import proto

from taxiway.config.schema import Config
from taxiway.metadata.records import ErrorKind
from taxiway.metadata.store import run_store
from taxiway.runners.kubeflow.task.outputs import TaskOutputs
from taxiway.runners.nodes.events import NodeSkipped
from taxiway.runners.nodes.results import NodeResult
from tests.conftest import Run

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]


@pytest.fixture(scope="module")
def tasks(compiled: Callable[..., list[Any]]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Every task with a supervisor: its node, its phase, and the outputs that it declares."""
    from taxiway.runners.kubeflow.task.job import unpack
    from taxiway.runners.kubeflow.task.supervisor import parse

    spec, _ = compiled()
    found = {}
    for name, executor in spec["deploymentSpec"]["executors"].items():
        command = executor["container"]["command"]
        if "--job" in command:
            task = name.removeprefix("exec-")
            arguments = parse(command[command.index("--job") :])
            outputs = spec["components"][f"comp-{task}"].get("outputDefinitions", {})
            found[task] = unpack(arguments.job).node_id, arguments.phase, outputs
    return found


@pytest.fixture
def started(
    first_run: Run, second_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Config, str]]:
    """A copy of the store with a real run in it, and the run; the pipeline is compiled once."""
    from taxiway.runners.kubeflow.task import attempt
    from taxiway.runners.nodes.ir import compile_pipeline, nodes_of

    def start(which: Run) -> tuple[Config, str]:
        workspace, report = which
        shutil.copy(workspace.metadata, tmp_path / "metadata.sqlite")
        config = workspace.config(f"metadata.path={tmp_path}/metadata.sqlite")
        run = str(report["run_id"])
        nodes = nodes_of(compile_pipeline(attempt.load_pipeline(config)(config), run))
        by_id = {node.id: (node, nodes) for node in nodes}
        monkeypatch.setattr(attempt, "_find", lambda config, node_id, run_id: by_id[node_id])
        return config, run

    return start


def run_all(
    config: Config,
    run: str,
    tasks: dict[str, tuple[str, str, dict[str, Any]]],
    folder: Path,
    end: NodeResult | None = None,
) -> dict[str, dict[str, str]]:
    """The record of each task; `end` is in the place of what ML Metadata says of the node."""
    from taxiway.runners.kubeflow.task.attempt import Attempt

    records = {}
    for task, (node_id, phase, declared) in tasks.items():
        if task == "exit":
            continue  # it has no node
        outputs, places = outputs_of(declared, folder / task)
        attempt = Attempt(config, node_id, run, outputs)
        if end is None:
            attempt.run(phase)
        else:
            attempt._show(phase, end)
        missing = [name for name, place in places.items() if not place.exists()]
        if phase == "prepare" and records_failure(places["record"]):
            missing = [name for name in missing if name == "record"]  # no container follows
        assert not missing, f"{task}: {missing}"
        records[task] = json.loads(places["record"].read_text())
        told = json.loads((folder / task / "out.json").read_text())["artifacts"]
        assert set(told) == set(declared["artifacts"]), task
    return records


def records_failure(place: Path) -> bool:
    return bool(json.loads(place.read_text())["state"] == "FAILED")


def outputs_of(declared: dict[str, Any], folder: Path) -> tuple[TaskOutputs, dict[str, Path]]:
    places = {name: folder / name for kind in declared.values() for name in kind}
    artifacts = {
        name: {"artifacts": [{"name": name, "uri": str(places[name])}]}
        for name in declared.get("artifacts", {})
    }
    parameters = {
        name: {"outputFile": str(places[name])} for name in declared.get("parameters", {})
    }
    output_file = str(folder / "out.json")
    given = {"artifacts": artifacts, "parameters": parameters, "outputFile": output_file}
    return TaskOutputs(json.dumps({"outputs": given})), places


def states(records: dict[str, dict[str, str]]) -> set[str]:
    return {record["state"] for record in records.values()}


def test_where_they_are_done(
    started: Callable[..., Any], tasks: Any, first_run: Run, tmp_path: Path
) -> None:
    records = run_all(*started(first_run), tasks, tmp_path)
    assert len(records) == len(tasks) - 1 > 15
    assert states(records) == {"COMPLETE"}


def test_where_they_are_cached(
    started: Callable[..., Any], tasks: Any, second_run: Run, tmp_path: Path
) -> None:
    assert "CACHED" in states(run_all(*started(second_run), tasks, tmp_path))


def test_where_they_failed(
    started: Callable[..., Any], tasks: Any, first_run: Run, tmp_path: Path
) -> None:
    config, run = started(first_run)
    store = run_store(config.metadata)
    context = store.mlmd.get_context_by_type_and_name("pipeline_run", run)
    for execution in store.mlmd.get_executions_by_context(context.id):
        execution.last_known_state = proto.Execution.FAILED
        store.mlmd.put_executions([execution])
    for record in store.nodes(run):
        store.close(run, record.node_id, "it failed", ErrorKind.FAILED)
        store.give_up(run, record.node_id)
    assert states(run_all(config, run, tasks, tmp_path)) == {"FAILED"}


def test_where_they_were_skipped(
    started: Callable[..., Any], tasks: Any, first_run: Run, tmp_path: Path
) -> None:
    config, run = started(first_run)
    skipped = NodeSkipped(run, "any", "its condition is false")
    assert states(run_all(config, run, tasks, tmp_path, skipped)) == {"SKIPPED"}


def test_the_exit_task_gives_a_page_even_where_none_was_made(
    started: Callable[..., Any], tasks: Any, first_run: Run, tmp_path: Path
) -> None:
    from taxiway.runners.kubeflow.task.exit import run_exit

    config, run = started(first_run)
    elsewhere = config.output.model_copy(update={"root": str(tmp_path / "elsewhere")})
    config = config.model_copy(update={"output": elsewhere})
    outputs, places = outputs_of(tasks["exit"][2], tmp_path / "exit")
    run_exit(config, run, outputs, ())
    assert "There is no report" in places["report"].read_text()
    assert json.loads(places["record"].read_text())["run"] == run
