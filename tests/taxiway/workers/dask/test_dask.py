"""A Dask cluster whose processes are killed and frozen."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from taxiway.workers.dask.cluster import Dask, DaskWorkers
from taxiway.workers.dask.job import Event, Job
from taxiway.workers.dask.task import ClusterError
from taxiway.workers.job import ShardError
from tests.dask_cluster import (
    LOOPBACK,
    WORKERS,
    Cluster,
    wait_until,
)
from tests.taxiway.workers.conftest import EVERY, SHARDS, Bench, Running, refusal

pytestmark = [
    pytest.mark.usefixtures("collected"),
    pytest.mark.cluster,
    pytest.mark.xdist_group("dask"),
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]


def kill_worker(cluster: Cluster, pid: int) -> None:
    psutil.Process(pid).kill()


def kill_node(cluster: Cluster, pid: int) -> None:
    cluster.node_of(pid).kill()


@contextlib.contextmanager
def frozen(cluster: Cluster, pid: int) -> Iterator[None]:
    node = cluster.node_of(pid)
    node.send(signal.SIGSTOP)
    try:
        yield
    finally:
        node.kill()


KILLS = pytest.mark.parametrize("kill", [kill_worker, kill_node], ids=["worker", "node"])


Kill = Callable[[Cluster, int], None]


class TestNodes:
    @KILLS
    def test_a_kill_costs_only_what_it_was_at(
        self, whole_cluster: Cluster, running: Running, kill: Kill
    ) -> None:
        running.start()
        running.wait_for_shards(WORKERS)
        number, pid = min(running.pids().items())
        kill(whole_cluster, pid)
        assert running.merged() == EVERY
        assert running.tries() == [2 if one == number else 1 for one in range(len(SHARDS))]

    @KILLS
    def test_results_that_a_dead_worker_had_are_made_again(
        self, whole_cluster: Cluster, running: Running, kill: Kill
    ) -> None:
        running.start(ready=range(6), retries=0)
        running.wait_for_shards(len(SHARDS))
        with whole_cluster.client() as client:
            wait_until(lambda: sum(map(len, client.has_what().values())) == 6, "six results")
        pids = running.pids()
        pid = next(pid for pid in pids.values() if pid != pids[6])
        kill(whole_cluster, pid)
        assert running.merged() == EVERY
        assert running.tries() == [2 if pids[one] == pid else 1 for one in range(len(SHARDS))]

    def test_a_result_that_is_lost_before_its_end_is_looked_at_is_waited_for(
        self, whole_cluster: Cluster, on_dask: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import shard_functions

        looked_at: list[str] = []
        look = Job._on_end

        def late(job: Job, event: Event) -> None:
            """Looks at the first end when all workers are dead, that with the result among them."""
            if not looked_at:
                future = job._futures[job._index[event.key]]
                for pid in job._client.run(os.getpid).values():
                    kill_worker(whole_cluster, pid)
                wait_until(lambda: future.status != "finished", "the loss of the result")
            looked_at.append(event.key)
            look(job, event)

        monkeypatch.setattr(Job, "_on_end", late)
        assert on_dask.run(shard_functions.quick, shards=SHARDS[:1]) == b"0,"

    def test_a_shard_that_takes_its_node_along_each_time_is_named(self, running: Running) -> None:
        import shard_functions

        with pytest.raises(ShardError) as raised:
            running.bench.run(shard_functions.trouble, "the node's death", 99)
        told = raised.value.message
        assert told.startswith("Job: /data/file [1, end) was tried 2 times; the last time its ")
        assert " died" in told
        assert running.bench.begun(1) == 2

    @pytest.mark.one_stack
    def test_a_node_that_freezes_loses_to_others_what_it_was_at_and_what_it_was_given(
        self, whole_cluster: Cluster, running: Running
    ) -> None:
        """Its sockets stay open, so that only its silence tells (`worker-ttl`)."""
        running.start(task_seconds=50.0)
        running.wait_for_shards(WORKERS)
        number, pid = min(running.pids().items())
        with frozen(whole_cluster, pid):
            assert running.merged() == EVERY
        assert running.tries() == [2 if one == number else 1 for one in range(len(SHARDS))]


def test_nothing_of_a_job_that_is_done_stays_on_the_cluster(
    whole_cluster: Cluster, on_dask: Bench
) -> None:
    import shard_functions

    assert on_dask.run(shard_functions.quick) == EVERY
    wait_until(lambda: whole_cluster.idle() == WORKERS, "three idle workers", 5)


class TestTheScheduler:
    @pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
    def test_without_it_a_job_ends_soon_and_says_so_and_the_next_one_works(
        self, whole_cluster: Cluster, running: Running, sent: signal.Signals
    ) -> None:
        scheduler = whole_cluster.scheduler
        assert scheduler is not None
        workers = Dask(whole_cluster.config(connect_seconds=2.0))
        running.bench = dataclasses.replace(running.bench, workers=workers)
        try:
            running.start()
            running.wait_for_shards(WORKERS)
            scheduler.send(sent)
            error = running.future.exception(15)
            scheduler.kill()
            whole_cluster.heal()
            wait_until(whole_cluster.idle, "a worker")
            running.start()
            assert running.merged() == EVERY
        finally:
            scheduler.kill()
            workers.close()
        assert isinstance(error, ClusterError)
        assert f"Job: lost the Dask scheduler {whole_cluster.address} (" in error.message
        assert "when it is back, run again" in error.message
        assert error.edit == "engine.workers.address"

    def test_one_that_is_back_after_a_while_is_found_by_the_next_job(
        self, whole_cluster: Cluster, running: Running
    ) -> None:
        import shard_functions

        workers = Dask(whole_cluster.config(connect_seconds=2.0))
        bench = dataclasses.replace(running.bench, workers=workers)
        try:
            assert bench.run(shard_functions.quick) == EVERY
            assert whole_cluster.scheduler is not None
            whole_cluster.scheduler.kill()
            wait_until(lambda: workers._client.status == "closed", "Dask has given it up")
            whole_cluster.heal()
            wait_until(whole_cluster.idle, "a worker")
            assert bench.run(shard_functions.quick) == EVERY
        finally:
            workers.close()

    def test_where_none_listens_that_is_told(self, tmp_path: Path) -> None:
        with socket.socket() as nobody:
            nobody.bind((LOOPBACK, 0))
            address = f"tcp://{LOOPBACK}:{nobody.getsockname()[1]}"
            config = DaskWorkers(kind="dask", address=address, connect_seconds=1.0)
            told = refusal(config, tmp_path)
        assert f"no connection to the Dask scheduler {address} (" in told
        assert "it must run" in told


@pytest.mark.one_stack
class TestWithoutWorkers:
    def test_a_job_waits_for_those_that_are_on_their_way(
        self, whole_cluster: Cluster, running: Running
    ) -> None:
        for node in whole_cluster.nodes:
            node.kill()
        running.start()
        whole_cluster.heal()
        assert running.merged() == EVERY

    def test_but_not_forever(self, whole_cluster: Cluster, tmp_path: Path) -> None:
        for node in whole_cluster.nodes:
            node.kill()
        started = time.monotonic()
        told = refusal(whole_cluster.config(connect_seconds=3.0), tmp_path)
        assert told == f"the Dask scheduler {whole_cluster.address} has no workers since 3 s"
        assert time.monotonic() - started < 20
