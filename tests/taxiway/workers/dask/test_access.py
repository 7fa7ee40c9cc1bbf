"""Who may reach a Dask cluster, where it listens, and which workers a run refuses."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from taxiway.errors import ConfigError
from taxiway.process.code_digest import PACKAGES
from taxiway.workers.dask.cluster import Dask, DaskWorkers
from taxiway.workers.dask.task import ClusterError
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
from tests.taxiway.workers.conftest import EVERY, SHARDS, Running, options, refusal

pytestmark = [
    pytest.mark.usefixtures("collected"),
    pytest.mark.cluster,
    pytest.mark.xdist_group("dask"),
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of another cluster."""
    return make_certificates(tmp_path_factory.mktemp("foreign") / "certificates")


class TestWhoMayComeIn:
    def test_a_run_whose_certificate_another_has_signed_is_refused(
        self, cluster: Cluster, foreign: Path, tmp_path: Path
    ) -> None:
        names = {"cert_file": f"{foreign}/dask.crt", "key_file": f"{foreign}/dask.key"}
        told = refusal(cluster.config(connect_seconds=2.0, **names), tmp_path)
        assert f"no connection to the Dask scheduler {cluster.address} (" in told
        assert "both must have certificates that are signed by the other's ca_file" in told

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
