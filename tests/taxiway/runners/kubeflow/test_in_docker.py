"""The compiled pipeline run whole in Docker as on a cluster: one container per task, a real server.

TAXIWAY_IMAGE names the image that `make image` built from this very code.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import RunStore, run_store
from taxiway.process.manifest import MANIFEST_FILE, verify
from taxiway.tracking.run_record.files import read_record
from tests.conftest import TINY, Run
from tests.databases import PASSWORD, Server
from tests.taxiway.runners.kubeflow.docker_tasks import DockerTasks
from tests.taxiway.runners.kubeflow.interpreter import Ended, Interpreter, TaskRun

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]

IMAGE = os.environ.get("TAXIWAY_IMAGE", "")
KILLED = 137
DEADLINE_SECONDS = 300.0


@dataclass
class Cluster:
    """What stands for one: a database, a volume, a compiled pipeline, and who starts its tasks."""

    config: Config
    volume: Path
    interpreter: Interpreter
    logs: Path
    ended: Ended

    def record(self, node_id: str) -> NodeRecord:
        found = run_store(self.config.metadata).node(self.interpreter.run_id, node_id)
        assert found is not None, f"{node_id} left no record"
        return found

    def here(self, uri: str) -> Path:
        """A path of the containers on this machine."""
        return self.volume / Path(uri).relative_to("/taxiway")

    def report(self) -> dict[str, Any]:
        folder = self.here(self.config.output.report_folder(self.interpreter.run_id))
        return dict(json.loads((folder / "report.json").read_text()))

    def log(self, name: str) -> str:
        return "\n".join(path.read_text() for path in sorted(self.logs.glob(f"{name}-[0-9]*.log")))


OnStart = Callable[["Cluster", TaskRun, str], None]
StartCluster = Callable[..., Cluster]


@pytest.fixture(scope="module")
def run_cluster(
    compiled: Callable[..., list[Any]],
    mariadb: Server,
    busybox_image: str,
    spans: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StartCluster]:
    """Runs the pipeline on a fresh volume and database: `run_cluster(on_start, *assignments)`."""
    if not IMAGE:
        pytest.skip("TAXIWAY_IMAGE names no image (make image)")
    threads: list[threading.Thread] = []
    before = os.environ.get("TAXIWAY_METADATA_PASSWORD")
    os.environ["TAXIWAY_METADATA_PASSWORD"] = PASSWORD

    def start(
        on_start: OnStart,
        *assignments: str,
        data: Callable[[Path], None] = lambda _: None,
        older: bool = False,
    ) -> Cluster:
        folder = tmp_path_factory.mktemp("cluster")
        volume, logs, scratch = folder / "volume", folder / "logs", folder / "scratch"
        shutil.copytree(spans / "data", volume / "data")
        data(volume)
        for one in (volume, *volume.rglob("*")):
            one.chmod(0o777 if one.is_dir() else 0o666)
        for one in (logs, scratch):
            one.mkdir()
        settings = (
            *mariadb.settings(),
            f"kubeflow.image={IMAGE}",
            "kubeflow.backoff.seconds=1",
            f"container.image={busybox_image}",
            *assignments,
        )
        spec, platform = compiled(*settings)

        def tell(task: TaskRun, container: str) -> None:
            thread = threading.Thread(target=on_start, args=(cluster, task, container))
            thread.start()
            threads.append(thread)

        interpreter = Interpreter(
            spec,
            platform,
            DockerTasks(logs, tell),
            {"taxiway": volume},
            {"taxiway-metadata": {"password": PASSWORD}},
            scratch,
            fills_in_run_id=not older,
            retries_failures=older,
        )
        config = load_config([TINY, "kubeflow"], settings)
        cluster = Cluster(config, volume, interpreter, logs, interpreter.ended)
        interpreter.run()
        for thread in threads:
            thread.join()
        return cluster

    yield start
    if before is None:
        del os.environ["TAXIWAY_METADATA_PASSWORD"]
    else:
        os.environ["TAXIWAY_METADATA_PASSWORD"] = before


def kill(container: str) -> None:
    subprocess.run(["docker", "kill", container], check=True, capture_output=True)


def kill_the_attempt(container: str) -> None:
    """The process that the supervisor started, and not the supervisor itself."""
    script = "kill -9 $(cat /proc/1/task/1/children)"
    line = ["docker", "exec", container, "sh", "-c", script]
    subprocess.run(line, check=True, capture_output=True)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.1)


def is_at_work(cluster: Cluster, node_id: str, run_id: str) -> bool:
    """Registered, and so past its inputs; outputs are being written."""
    record = run_store(cluster.config.metadata).node(run_id, node_id)
    return record is not None and record.state == "RUNNING"


class TestARunWithAccidents:
    """One whole run in which a node, the database and the exit task are struck down."""

    @pytest.fixture(scope="class")
    def cluster(self, run_cluster: StartCluster, mariadb: Server) -> Cluster:
        def strike(cluster: Cluster, task: TaskRun, container: str) -> None:
            run_id = cluster.interpreter.run_id
            if task.attempt:
                return
            if task.name == "transform":
                wait_until(lambda: is_at_work(cluster, "Transform", run_id))
                kill_the_attempt(container)
            elif task.name == "statistics-gen":
                wait_until(lambda: is_at_work(cluster, "StatisticsGen", run_id))
                kill(container)
            elif task.name == "trainer":
                wait_until(lambda: is_at_work(cluster, "Trainer", run_id))
                mariadb.restart()
            elif task.name == "exit":
                wait_until(lambda: "RunReport" in docker_logs(container))
                kill(container)

        return run_cluster(strike)

    def test_it_succeeds(self, cluster: Cluster) -> None:
        assert cluster.ended.succeeded, (cluster.ended.codes, cluster.log("statistics-gen"))

    def test_what_was_killed_was_tried_again_and_nothing_else(self, cluster: Cluster) -> None:
        codes = cluster.ended.codes
        assert codes.pop("statistics-gen") == [KILLED, 0]
        assert codes.pop("exit") == [KILLED, 0]
        assert codes == {name: [0] for name in codes}

    def test_a_node_whose_work_was_killed_was_tried_again_in_its_pod(
        self, cluster: Cluster
    ) -> None:
        told = cluster.log("transform")
        assert "Transform killed by SIGKILL, as the kernel does when memory runs out" in told
        assert "Transform attempt 2 of 3 in 1 s" in told

    def test_each_node_has_one_execution_and_it_is_complete(self, cluster: Cluster) -> None:
        store = RunStore(cluster.config.metadata)  # the server was restarted since
        context = store.mlmd.get_context_by_type_and_name(
            "pipeline_run", cluster.interpreter.run_id
        )
        records = store.nodes(cluster.interpreter.run_id)
        assert {record.state for record in records} <= {"COMPLETE", "CACHED"}
        assert len(records) == 17
        assert len(store.mlmd.get_executions_by_context(context.id)) == 17

    def test_no_output_is_on_the_volume_that_no_execution_published(self, cluster: Cluster) -> None:
        store = RunStore(cluster.config.metadata)
        known = {artifact.uri.removesuffix("/value") for artifact in store.mlmd.get_artifacts()}
        root = cluster.volume / "pipelines" / cluster.config.pipeline.name
        for folder in root.glob("*/[!.]*/[0-9]*"):
            assert f"/taxiway/{folder.relative_to(cluster.volume)}" in known
        assert not list(root.glob("ModelManifest/.system/stateful_working_dir/*"))

    def test_the_container_component_ran_in_its_own_image_with_its_lineage_whole(
        self, cluster: Cluster, busybox_image: str
    ) -> None:
        executors = cluster.interpreter._spec["deploymentSpec"]["executors"]
        assert executors["exec-model-manifest"]["container"]["image"] == busybox_image
        manifest = cluster.record("ModelManifest").output("manifest")
        model = cluster.record("Trainer").output("model")
        assert manifest is not None
        assert model is not None
        verify(
            cluster.here(model.uri) / "Format-Serving", cluster.here(manifest.uri) / MANIFEST_FILE
        )
        store = RunStore(cluster.config.metadata)
        events = store.mlmd.get_events_by_execution_ids(
            [cluster.record("ModelManifest").execution_id]
        )
        assert {event.artifact_id for event in events} == {model.id, manifest.id}

    def test_kubeflow_is_given_metrics_and_the_report(self, cluster: Cluster) -> None:
        metrics = cluster.ended.artifacts["evaluator/metrics"]["metadata"]
        assert 0.5 < metrics["auc"] < 1.0
        page = cluster.ended.artifacts["exit/report"]["path"].read_text()
        assert "succeeded" in page
        assert cluster.interpreter.run_id in page

    def test_each_task_says_where_its_node_is_in_the_metadata(self, cluster: Cluster) -> None:
        told = cluster.ended.artifacts["trainer/record"]["metadata"]
        record = cluster.record("Trainer")
        model = record.output("model")
        assert model is not None
        assert told["run"] == cluster.interpreter.run_id
        assert (told["execution"], told["model"]) == (str(record.execution_id), model.uri)

    def test_a_container_component_is_given_no_secret(self, cluster: Cluster) -> None:
        executors = cluster.interpreter._platform
        assert "secretAsEnv" in executors["exec-model-manifest-prepare"]
        assert "secretAsEnv" not in executors["exec-model-manifest"]

    def test_the_run_is_reported_and_told_once(self, cluster: Cluster) -> None:
        assert cluster.report()["outcome"] == "succeeded"
        record = read_record(
            cluster.here(cluster.config.output.report_folder(cluster.interpreter.run_id))
        )
        assert record is not None
        assert (record.runner, record.outcome) == ("kubeflow", "succeeded")
        trainer = next(node for node in record.nodes if node.node == "Trainer")
        assert (trainer.cpu_seconds or 0) > 0.5
        assert record.curves
        assert record.data.files
        lines = (cluster.volume / "notifications.jsonl").read_text().splitlines()
        assert len(lines) == 1

    def test_it_made_what_the_local_run_made(self, cluster: Cluster, first_run: Run) -> None:
        """The local run is of this machine's stack, the containers of the image's."""
        workspace, report = first_run
        store = run_store(workspace.config().metadata)

        def local(node_id: str) -> NodeRecord:
            record = store.node(report["run_id"], node_id)
            assert record is not None
            return record

        def examples(record: NodeRecord) -> dict[str, Any]:
            found = record.output("examples")
            assert found is not None
            names = ("rows_train", "rows_eval", "rows_dropped", "digest", "span")
            return {name: found.properties[name] for name in names}

        assert examples(cluster.record("ArrowExampleGen")) == examples(local("ArrowExampleGen"))
        ours = cluster.record("SchemaGen").output("schema")
        theirs = local("SchemaGen").output("schema")
        assert ours is not None
        assert theirs is not None
        assert schema(cluster.here(ours.uri)) == schema(Path(theirs.uri))
        metrics = cluster.ended.artifacts["evaluator/metrics"]["metadata"]
        version = json.loads(
            (Path(local("Registrar").output("model_version").uri) / "version.json").read_text()  # type: ignore[union-attr]  # it is there
        )
        assert metrics == pytest.approx(version["metrics"], abs=1e-6)

    def test_no_log_tells_the_password(self, cluster: Cluster) -> None:
        for path in cluster.logs.iterdir():
            assert PASSWORD not in path.read_text(errors="replace")


def docker_logs(container: str) -> str:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True)
    return done.stdout + done.stderr


def schema(folder: Path) -> Any:
    return text_format.Parse((folder / "schema.pbtxt").read_text(), schema_pb2.Schema())


class TestAGateThatStops:
    """On a back end before 2.5, where the run's id is to be found in the artifacts' addresses, and
    which tries failures again."""

    @pytest.fixture(scope="class")
    def cluster(self, run_cluster: StartCluster) -> Cluster:
        def strange(volume: Path) -> None:
            path = next(volume.glob("data/*/span-3/*.parquet"))
            table = pq.read_table(path)
            index = table.schema.get_field_index("service")
            column = pa.array(["ZZ"] * table.num_rows, table.schema.field("service").type)
            pq.write_table(table.set_column(index, "service", column), path)

        return run_cluster(lambda *_: None, data=strange, older=True)

    def test_the_run_fails_and_nothing_behind_the_gate_starts(self, cluster: Cluster) -> None:
        assert not cluster.ended.succeeded
        assert cluster.ended.states["data-gate"] == "Failed"
        assert cluster.ended.states["transform"] == "Omitted"
        assert not (cluster.volume / "serving").exists()

    def test_its_verdict_is_not_changed_by_trying_again(self, cluster: Cluster) -> None:
        assert cluster.ended.codes["data-gate"] == [1, 1, 1]
        record = cluster.record("DataGate")
        assert (record.state, record.error_kind and record.error_kind.value) == (
            "FAILED",
            "stopped",
        )
        assert cluster.log("data-gate").count("Traceback") == 1  # it was asked once

    def test_the_exit_task_reports_what_stopped_it(self, cluster: Cluster) -> None:
        assert cluster.ended.codes["exit"] == [0]
        report = cluster.report()
        assert report["outcome"] == "stopped"
        assert "ZZ" in report["failure"]["reason"]
        assert "stopped" in cluster.ended.artifacts["exit/report"]["path"].read_text()


class TestANodeWithoutMemory:
    @pytest.fixture(scope="class")
    def cluster(self, run_cluster: StartCluster) -> Cluster:
        """Too little to load TensorFlow, so that it dies before it is even on record."""
        return run_cluster(
            lambda *_: None,
            "kubeflow.resources={default: {retries: 1}, ArrowExampleGen: {memory_limit: 200Mi}}",
        )

    def test_it_is_tried_again_and_then_fails_the_run(self, cluster: Cluster) -> None:
        assert not cluster.ended.succeeded
        assert cluster.ended.codes["arrow-example-gen"] == [1]
        assert "ArrowExampleGen attempt 2 of 2" in cluster.log("arrow-example-gen")
        assert cluster.ended.codes["exit"] == [0]

    def test_the_report_says_which_node_and_why(self, cluster: Cluster) -> None:
        report = cluster.report()
        assert report["outcome"] == "failed"
        assert report["failure"]["node"] == "ArrowExampleGen"
        assert "memory" in report["failure"]["reason"]
        examples = cluster.volume / "pipelines" / cluster.config.pipeline.name / "ArrowExampleGen"
        assert not list(examples.glob("examples/*"))
