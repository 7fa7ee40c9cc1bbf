"""One Dask cluster for all tests of workers, and every kind of workers on which jobs can run."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from taxiway.workers import processes
from taxiway.workers.active import WorkersConfig
from taxiway.workers.dask.cluster import Dask, DaskWorkers
from taxiway.workers.dask.task import ClusterError
from taxiway.workers.inline import Inline, InlineWorkers
from taxiway.workers.job import Options, Shard, Workers
from taxiway.workers.processes import ProcessWorkers
from tests.dask_cluster import IMPORTABLE, WORKERS, Cluster, wait_until

SHARDS = [Shard("/data/file", number) for number in range(7)]
COUNT = 2
EVERY = b"0,1,2,3,4,5,6,"
"""What is merged of all shards."""
ALONE: dict[str, WorkersConfig] = {
    "inline": InlineWorkers(kind="inline"),
    "processes": ProcessWorkers(kind="processes", count=COUNT),
}


@pytest.fixture(scope="session", autouse=True)
def _importable() -> Iterator[None]:
    """Functions for workers are imported by name, there as here; none of them needs TensorFlow."""
    with pytest.MonkeyPatch.context() as changed:
        changed.syspath_prepend(str(IMPORTABLE))
        changed.setattr(processes, "PRELOADED", ())
        yield


_STARTED: list[Cluster] = []


@pytest.fixture(scope="session")
def one_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    _STARTED.append(cluster)
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The cluster ends with its tests, where a worker has them in a row: idle, it takes a fifth of
    a core."""
    group = nextitem and nextitem.get_closest_marker("xdist_group")
    if hasattr(item.config, "workerinput") and (not group or group.args != ("dask",)):
        for cluster in _STARTED:
            cluster.stop()


@pytest.fixture
def cluster(one_cluster: Cluster) -> Cluster:
    """A scheduler and three nodes, whatever the test before has done to them."""
    one_cluster.heal()
    return one_cluster


@pytest.fixture
def whole_cluster(cluster: Cluster) -> Cluster:
    """The same, and all workers are there and idle."""
    wait_until(lambda: cluster.idle() == WORKERS, "three idle workers")
    return cluster


def options(**limits: Any) -> Options:
    return Options("Job", **{"retries": 1, "task_seconds": 20.0, "job_seconds": 60.0, **limits})


@dataclass(frozen=True)
class Bench:
    """Workers of one kind, and a folder where the functions note what they begin."""

    kind: str
    workers: Workers
    folder: Path

    def run(
        self,
        function: Callable[..., bytes],
        *arguments: Any,
        shards: Sequence[Shard] = SHARDS,
        reduce_fn: Any = None,
        **limits: Any,
    ) -> bytes:
        import shard_functions

        map_fn = partial(function, str(self.folder), *arguments)
        reduce_fn = reduce_fn or shard_functions.joined
        return self.workers.run(map_fn, shards, reduce_fn, options(**limits))

    def begun(self, number: int) -> int:
        """How often work on a shard has begun."""
        return len(list(self.folder.glob(f"{number}.*")))

    def pids(self) -> set[int]:
        """The processes that have begun something."""
        return {int(path.name.split(".")[1]) for path in self.folder.iterdir()}


MAKE: dict[str, Callable[[pytest.FixtureRequest], Workers]] = {
    "inline": lambda _: Inline(),
    "processes": lambda _: processes.Processes(COUNT),
    "dask": lambda request: Dask(
        request.getfixturevalue("cluster").config(),
    ),
}
DASK = [pytest.mark.cluster, pytest.mark.xdist_group("dask")]
IN_THE_DRIVER = ["inline"]
"""Kinds that work in the process that runs the job, and end with it."""
APART = ["processes", pytest.param("dask", marks=DASK)]
KINDS = [*IN_THE_DRIVER, *APART]


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Whatever a test has done to them, workers do the next job as if nothing had been."""
    yield from _bench(request.param, request, tmp_path)


@pytest.fixture(params=APART)
def apart(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Workers that are other processes than the driver, and may die."""
    yield from _bench(request.param, request, tmp_path)


@pytest.fixture
def on_dask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    yield from _bench("dask", request, tmp_path)


def _bench(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Bench]:
    import shard_functions

    for name in ("notes", "after"):
        (folder / name).mkdir()
    workers = MAKE[kind](request)
    try:
        yield Bench(kind, workers, folder / "notes")
        after = Bench(kind, workers, folder / "after").run(shard_functions.quick, shards=SHARDS[:3])
        assert after == b"0,1,2,"
    finally:
        workers.close()


@pytest.fixture
def collected() -> Iterator[None]:
    """distributed leaves sockets to the collector whose handshake was never answered."""
    yield
    gc.collect()


@dataclass
class Running:
    """A job in a thread, in which all shards but those that are ready wait for the gate."""

    bench: Bench
    gate: Path
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def start(self, ready: Sequence[int] = (), **limits: Any) -> None:
        import shard_functions

        self.future: Future[bytes] = self.pool.submit(
            self.bench.run, shard_functions.held, str(self.gate), ready, **limits
        )

    def wait_for_shards(self, count: int) -> None:
        wait_until(lambda: len(self.pids()) >= count or self.future.done(), f"{count} shards")

    def pids(self) -> dict[int, int]:
        """The process that has begun each shard last."""
        notes = sorted(self.bench.folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        split = [path.name.split(".") for path in notes]
        return {int(number): int(pid) for number, pid, _ in split}

    def tries(self) -> list[int]:
        return [self.bench.begun(number) for number in range(len(SHARDS))]

    def merged(self) -> bytes:
        self.gate.touch()
        return self.future.result(60)


@pytest.fixture
def running(whole_cluster: Cluster, on_dask: Bench, tmp_path: Path) -> Iterator[Running]:
    job = Running(on_dask, tmp_path / "gate")
    try:
        yield job
    finally:
        job.gate.touch()
        job.pool.shutdown()


def refusal(config: DaskWorkers, folder: Path) -> str:
    """What a run is told that comes with this config."""
    import shard_functions

    workers = Dask(config)
    try:
        with pytest.raises(ClusterError) as raised:
            Bench("dask", workers, folder).run(shard_functions.quick)
    finally:
        workers.close()
    assert list(folder.iterdir()) == []
    return raised.value.message
