"""A Dask cluster whose processes are killed and frozen, and who may reach it."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from configs.engines import DaskWorkers
from configs.errors import ConfigError
from configs.loader import PACKAGES
from tests.conftest import REPOSITORY
from tests.dask_cluster import (
    LOOPBACK,
    WORKERS,
    Cluster,
    health_pages,
    listening,
    make_certificates,
    wait_until,
)
from tests.workers.conftest import SHARDS, Bench, options
from workers.dask import Dask
from workers.dask_task import ClusterError
from workers.job import ShardError

pytestmark = [
    pytest.mark.xdist_group("dask"),
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]

EVERY = b"0,1,2,3,4,5,6,"


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
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
        running.start(ready=range(6), tries=1)
        running.wait_for_shards(len(SHARDS))
        with whole_cluster.client() as client:
            wait_until(lambda: sum(map(len, client.has_what().values())) == 6, "six results")
        pids = running.pids()
        pid = next(pid for pid in pids.values() if pid != pids[6])
        kill(whole_cluster, pid)
        assert running.merged() == EVERY
        assert running.tries() == [2 if pids[one] == pid else 1 for one in range(len(SHARDS))]

    def test_a_shard_that_takes_its_node_along_each_time_is_named(self, running: Running) -> None:
        import shard_functions

        with pytest.raises(ShardError) as raised:
            running.bench.run(shard_functions.trouble, "the node's death", 99)
        told = raised.value.message
        assert told.startswith("Job: /data/file [1, end) was tried 2 times; the last time its ")
        assert " died" in told
        assert running.bench.begun(1) == 2

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


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of another cluster."""
    return make_certificates(tmp_path_factory.mktemp("foreign") / "certificates")


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


class TestWhoMayComeIn:
    def test_a_run_whose_certificate_another_has_signed_is_refused(
        self, cluster: Cluster, foreign: Path, tmp_path: Path
    ) -> None:
        names = {"cert_file": f"{foreign}/dask.crt", "key_file": f"{foreign}/dask.key"}
        told = refusal(cluster.config(connect_seconds=2.0, **names), tmp_path)
        assert f"no connection to the Dask scheduler {cluster.address} (" in told
        assert "certificates that are signed by each other's ca_file" in told

    def test_a_run_refuses_a_scheduler_whose_certificate_another_has_signed(
        self, cluster: Cluster, foreign: Path, tmp_path: Path
    ) -> None:
        told = refusal(cluster.config(connect_seconds=2.0, ca_file=f"{foreign}/ca.crt"), tmp_path)
        assert "CERTIFICATE_VERIFY_FAILED" in told

    def test_a_run_that_does_not_encrypt_is_refused(self, cluster: Cluster, tmp_path: Path) -> None:
        address = cluster.address.replace("tls://", "tcp://")
        config = DaskWorkers(kind="dask", address=address, connect_seconds=2.0)
        told = refusal(config, tmp_path)
        assert f"no connection to the Dask scheduler {address} (" in told

    def test_a_certificate_that_is_not_there_is_named(self, cluster: Cluster) -> None:
        with pytest.raises(ConfigError) as raised:
            Dask(cluster.config(cert_file="/nowhere/dask.crt")).run(bytes, SHARDS, bytes, options())
        assert "engine.workers.cert_file: /nowhere/dask.crt cannot be read" in raised.value.message
        assert "make dask-certs" in raised.value.message


class TestSockets:
    def test_all_of_the_cluster_are_on_loopback(self, whole_cluster: Cluster) -> None:
        found = listening(whole_cluster.processes())
        assert len(found) == 2 + 3 * WORKERS  # a comm each, of nannies too, and health pages
        assert {host for host, _ in found} == {LOOPBACK}

    def test_each_wants_a_certificate_or_is_a_health_page_and_nothing_else(
        self, whole_cluster: Cluster
    ) -> None:
        ports = {port for _, port in listening(whole_cluster.processes())}
        pages = health_pages(ports)
        assert len(pages) == 1 + WORKERS
        certificates = whole_cluster.certificates
        for port in ports - pages:
            assert greeted(port, certificates, with_certificate=True)
            assert not greeted(port, certificates, with_certificate=False)

    def test_connections_that_break_cost_a_job_nothing(
        self, whole_cluster: Cluster, running: Running
    ) -> None:
        """Each is gone before the server has sent the tickets that follow a handshake."""
        running.start()
        running.wait_for_shards(WORKERS)
        context = client_context(whole_cluster.certificates)
        ports = {port for _, port in listening(whole_cluster.processes())}
        for port in sorted(ports - health_pages(ports)) * 20:
            with socket.create_connection((LOOPBACK, port), timeout=10) as plain:
                context.wrap_socket(plain).close()
        assert running.merged() == EVERY
        assert running.tries() == [1] * len(SHARDS)

    def test_the_run_itself_opens_none(self, whole_cluster: Cluster, running: Running) -> None:
        before = listening([psutil.Process()])
        running.start()
        running.wait_for_shards(WORKERS)
        assert listening([psutil.Process()]) == before
        assert running.merged() == EVERY


def client_context(certificates: Path, with_certificate: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    context.check_hostname = False
    if with_certificate:
        context.load_cert_chain(certificates / "dask.crt", certificates / "dask.key")
    return context


def greeted(port: int, certificates: Path, with_certificate: bool) -> bool:
    """Whether a server says anything, as one of Dask's does as soon as it trusts who connects."""
    context = client_context(certificates, with_certificate)
    with socket.create_connection((LOOPBACK, port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain) as secured:
                return bool(secured.recv(1))
        except (ssl.SSLError, ConnectionError):
            return False


class TestWorkersOfAnotherKind:
    """Among three good ones, all at work on shards that wait."""

    @contextlib.contextmanager
    def among(self, cluster: Cluster, *given: str, code: Path) -> Iterator[str]:
        """The address of a worker that is started otherwise than the others."""
        node = cluster.start_worker("--name", "odd", *given, code=code)
        try:
            wait_until(lambda: cluster.address_of("odd"), "one more worker")
            yield cluster.address_of("odd")
        finally:
            node.kill()
            wait_until(lambda: not cluster.address_of("odd"), "it is forgotten")

    def refused(self, running: Running) -> ClusterError:
        running.start()
        error = running.future.exception(30)
        assert isinstance(error, ClusterError)
        return error

    def test_one_with_several_threads_is_refused_by_name(
        self, whole_cluster: Cluster, running: Running
    ) -> None:
        with self.among(whole_cluster, "--nthreads", "2", code=REPOSITORY) as address:
            error = self.refused(running)
        assert error.message == (
            f"the worker {address} cannot work for this run: it has 2 threads instead of 1, "
            "all of which a crash would end"
        )
        assert "--nthreads 1" in error.edit

    def test_one_with_other_code_is_refused_by_name(
        self, whole_cluster: Cluster, running: Running, tmp_path: Path
    ) -> None:
        code = tmp_path / "code"
        for name in PACKAGES:
            shutil.copytree(REPOSITORY / name, code / name)
        with (code / "components" / "__init__.py").open("a") as changed:
            changed.write("# another line\n")
        with self.among(whole_cluster, "--nthreads", "1", code=code) as address:
            error = self.refused(running)
        assert error.message.startswith(
            f"the worker {address} cannot work for this run: it has code "
        )
        assert " instead of " in error.message
        assert "same code and packages as the run" in error.edit
