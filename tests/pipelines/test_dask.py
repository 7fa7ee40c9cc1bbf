"""The training pipeline on Dask clusters: it makes what it makes inline, whatever dies."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import run_store
from taxiway.workers.dask.cluster import DaskWorkers, connected
from tests.conftest import REPOSITORY, TINY, Finished, Run, Workspace, copied, taxiway
from tests.dask_cluster import LOOPBACK, Cluster, health_pages, listening, wait_until
from tests.pipelines.test_faults import finish, start
from tests.tied import tied

pytestmark = [pytest.mark.pipeline, pytest.mark.cluster, pytest.mark.xdist_group("dask")]

STEPS = {"ArrowExampleGen", "StatisticsGen", "Transform", "Evaluator"}
SPLITS = ("train", "eval")


class TestMakeDaskUp:
    def test_a_run_with_the_config_that_it_writes_works_there_and_makes_the_same(
        self, up: Up, first_run: Run, spans: Path, tmp_path: Path
    ) -> None:
        workspace = copied(spans, tmp_path / "var")
        options = ("--config", TINY, "--config", str(up.overlay))
        with up.both_workers() as client:
            sockets = listening(psutil.Process(up.process.pid).children(recursive=True))
            assert {host for host, _ in sockets} == {LOOPBACK}
            assert len(health_pages({port for _, port in sockets})) == 3
            done = taxiway("run", *options, "--set", f"output.root={workspace.root}", "--json")
            began = begun(client)
        assert done.code == 0, done.out + done.err
        assert {step_of(key) for key, _ in began} == STEPS
        assert len({worker for _, worker in began}) == 2
        assert_same(first_run, (workspace, done.report))

    def test_ctrl_c_ends_all_of_it(self, up: Up) -> None:
        root = psutil.Process(up.process.pid)
        with up.both_workers():
            started = [root, *root.children(recursive=True)]
        os.killpg(up.process.pid, signal.SIGINT)
        assert up.process.wait(30) != 0
        wait_until(lambda: not any(map(is_at_work, started)), "no process is left", 10)


@pytest.mark.one_stack
class TestDeaths:
    def test_without_the_scheduler_a_run_ends_and_says_why(
        self, cluster: Cluster, lost: tuple[Workspace, Finished]
    ) -> None:
        _, done = lost
        assert done.code == 1
        failure = done.report["failure"]
        assert failure["node"] == "Transform"
        assert f"the Dask scheduler {cluster.address} (" in failure["reason"]
        assert "engine.workers.address" in failure["edit"]
        assert "Traceback" not in done.out + done.err

    def test_when_it_is_back_a_run_resumes_and_a_nodes_death_changes_nothing(
        self, cluster: Cluster, lost: tuple[Workspace, Finished], first_run: Run
    ) -> None:
        workspace, _ = lost
        cluster.heal()
        wait_until(lambda: cluster.idle() == 2, "two workers")
        with cluster.client() as client:
            pids = client.run(os.getpid)
            process = start(workspace, on(cluster))
            key, worker = shard_at_work(client, "Transform", process)
            cluster.node_of(pids[worker]).kill()
            done = finish(process)
            began = begun(client)
        assert done.code == 0, done.out + done.err
        states = {node["node"]: node["state"] for node in done.report["nodes"]}
        assert {states[name] for name in ("ArrowExampleGen", "StatisticsGen")} == {"cached"}
        assert states["Transform"] == "complete"
        assert "Evaluator" in {step_of(key) for key, _ in began}
        (other,) = set(pids) - {worker}
        shard = key.rsplit("-", 1)[0]
        assert [at for begins, at in began if begins.startswith(shard)] == [worker, other]
        assert_same(first_run, (workspace, done.report))


@dataclass(frozen=True)
class Up:
    """`make dask-up` in a folder of its own."""

    process: subprocess.Popen[bytes]
    overlay: Path

    @property
    def config(self) -> DaskWorkers:
        """As the overlay has it."""
        return DaskWorkers(**yaml.safe_load(self.overlay.read_text())["engine"]["workers"])

    @contextlib.contextmanager
    def both_workers(self) -> Iterator[Any]:
        """A client, once two workers are there."""
        with connection(self.config) as client:
            wait_until(lambda: len(client.nthreads()) == 2, "two workers")
            yield client


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    installed = (REPOSITORY / ".venv" / "installed").exists()
    log = folder / "log"
    with log.open("wb") as printed:
        process = subprocess.Popen(
            tied(*(["make", "dask-up"] if installed else ["sh", "tools/dask-up.sh"])),
            cwd=REPOSITORY,
            env={
                **os.environ,
                **{"DASK_FOLDER": str(folder), "DASK_PORT": str(port), "PYTHON": sys.executable},
            },
            stdout=printed,
            stderr=printed,
            start_new_session=True,
        )
    try:
        wait_until(lambda: re.search("CONFIG=", log.read_text()), "what to do next")
        told = re.search(r'make run-local CONFIG="local (\S+)"', log.read_text())
        assert told
        yield Up(process, Path(told[1]))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def is_at_work(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two nodes."""
    one = Cluster(tmp_path_factory.mktemp("cluster"), workers=2)
    try:
        one.heal()
        yield one
    finally:
        one.stop()


@pytest.fixture(scope="module")
def lost(
    cluster: Cluster, spans: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Finished]:
    """A run whose scheduler was killed when Transform was at work."""
    workspace = copied(spans, tmp_path_factory.mktemp("lost") / "var")
    process = start(workspace, on(cluster))
    with cluster.client() as client:
        shard_at_work(client, "Transform", process)
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    killed = time.monotonic()
    done = finish(process)
    assert time.monotonic() - killed < 60
    return workspace, done


def on(cluster: Cluster) -> str:
    """The assignment that has a run work on a cluster."""
    return f"engine.workers={cluster.config().model_dump_json()}"


@contextlib.contextmanager
def connection(config: DaskWorkers) -> Iterator[Any]:
    client = connected(config)
    try:
        yield client
    finally:
        client.close()


def shard_at_work(client: Any, step: str, process: subprocess.Popen[str]) -> tuple[str, str]:
    """Waits until a worker is at a shard of a step; the task's key, and the worker."""
    found: list[tuple[str, str]] = []

    def look() -> bool:
        assert process.poll() is None, process.communicate()
        began = [(key, worker) for key, worker in begun(client) if step_of(key) == step]
        at_work = client.processing() if began else {}
        found.extend((key, worker) for key, worker in began if key in at_work.get(worker, ()))
        return bool(found)

    wait_until(look, f"a shard of {step}", 120)
    return found[0]


def begun(client: Any) -> list[tuple[str, str]]:
    """Keys of tasks, and the workers that have told the scheduler that they begin them."""
    told = [one for events in client.get_events().values() for _, one in events]
    found = [one for one in told if isinstance(one, dict) and set(one) == {"key", "worker"}]
    return [(one["key"], one["worker"]) for one in found]


def step_of(key: str) -> str:
    return key.rsplit("-", 3)[0]


def assert_same(one: Run, other: Run) -> None:
    """Examples, schema, statistics, transform graph, metrics of every slice, and the verdicts."""
    ours, theirs = nodes(one), nodes(other)
    for split in SPLITS:
        examples = [examples_of(run, split) for run in (ours, theirs)]
        assert examples[0] == examples[1]
        assert sum(map(len, examples[0].values())) > 500
        counts = [uri(run, "StatisticsGen", "statistics") for run in (ours, theirs)]
        assert statistics_of(counts[0], split) == statistics_of(counts[1], split)
    schemas = [Path(uri(run, "SchemaGen", "schema"), "schema.pbtxt") for run in (ours, theirs)]
    assert schemas[0].read_bytes() == schemas[1].read_bytes()
    assert_same_transform(ours, theirs)
    assert_same_evaluation(ours, theirs)
    verdicts = [
        (run[1]["evaluation"]["blessed"], run[1]["infra"]["blessed"], run[1]["version"])
        for run in (one, other)
    ]
    assert verdicts[0] == verdicts[1] == (True, True, "1.0.0")


def nodes(run: Run) -> dict[str, NodeRecord]:
    workspace, report = run
    records = run_store(workspace.config().metadata).nodes(report["run_id"])
    return {record.node_id: record for record in records}


def uri(run: dict[str, NodeRecord], node: str, key: str) -> str:
    artifact = run[node].output(key)
    assert artifact is not None
    return artifact.uri


def examples_of(run: dict[str, NodeRecord], split: str) -> dict[str, list[Any]]:
    """The examples of every file, in order; their features are in none."""
    import tensorflow as tf

    folder = Path(uri(run, "ArrowExampleGen", "examples"), f"Split-{split}")
    return {
        path.name: [
            tf.train.Example.FromString(record)
            for record in tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()
        ]
        for path in folder.iterdir()
    }


def statistics_of(folder: str, split: str) -> Any:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    path = Path(folder, f"Split-{split}", "FeatureStats.pb")
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())


def assert_same_transform(one: dict[str, NodeRecord], other: dict[str, NodeRecord]) -> None:
    import numpy as np
    import tensorflow as tf
    import tensorflow_transform as tft

    folder = Path(uri(one, "ArrowExampleGen", "examples"), "Split-eval")
    files = [str(path) for path in folder.iterdir()]
    rows = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    columns = []
    for run in (one, other):
        graph = tft.TFTransformOutput(uri(run, "Transform", "transform_graph"))
        parsed = tf.io.parse_example(rows, graph.raw_feature_spec())
        layer = graph.transform_features_layer()
        columns.append({name: np.asarray(value) for name, value in layer(parsed).items()})
    assert columns[0].keys() == columns[1].keys()
    assert len(columns[0]) > 5
    for name, column in columns[0].items():
        np.testing.assert_allclose(column, columns[1][name], rtol=1e-6, atol=1e-6)


def assert_same_evaluation(one: dict[str, NodeRecord], other: dict[str, NodeRecord]) -> None:
    from tests.taxiway.arrow.evaluator.evaluations import differences, metrics_of, verdict_of

    ours, theirs = (uri(run, "Evaluator", "evaluation") for run in (one, other))
    found, expected = metrics_of(ours), metrics_of(theirs)
    assert len(expected) == 4
    assert found.keys() == expected.keys()
    for name, of_slice in expected.items():
        assert found[name].keys() == of_slice.keys(), name
        for key, metric in of_slice.items():
            assert not differences(found[name][key], metric), (name, key)
    assert verdict_of(ours) == verdict_of(theirs)
