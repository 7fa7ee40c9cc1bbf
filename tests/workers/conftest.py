"""One Dask cluster for all tests of workers, and every kind of workers on which jobs can run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.dask_cluster import IMPORTABLE, WORKERS, Cluster, wait_until
from workers import processes
from workers.dask import Dask
from workers.inline import Inline
from workers.job import Options, Shard, Workers

SHARDS = [Shard("/data/file", number) for number in range(7)]
COUNT = 2


@pytest.fixture(scope="session", autouse=True)
def _importable() -> None:
    """Functions for workers are imported by name, there as here; none of them needs TensorFlow."""
    sys.path.insert(0, str(IMPORTABLE))
    processes.PRELOADED = ()  # type: ignore[misc]  # Final, but for these tests


@pytest.fixture(scope="session")
def one_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster
    finally:
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
    return Options("Job", **{"tries": 2, "task_seconds": 20.0, "job_seconds": 60.0, **limits})


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
KINDS = [
    "inline",
    "processes",
    pytest.param("dask", marks=pytest.mark.xdist_group("dask")),
]


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Whatever a test has done to them, workers do the next job as if nothing had been."""
    yield from _bench(request.param, request, tmp_path)


@pytest.fixture(params=KINDS[1:])
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
