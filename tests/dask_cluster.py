"""A real Dask cluster on loopback, of the stock commands and deploy/dask/dask.yaml."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from taxiway.workers.dask.cluster import DaskWorkers, connected
from tests.conftest import REPOSITORY
from tests.tied import tied

DEADLINE_SECONDS = 60.0
CONFIG = REPOSITORY / "deploy" / "dask" / "dask.yaml"
IMPORTABLE = REPOSITORY / "tests" / "taxiway" / "workers" / "importable"
LOOPBACK = "127.0.0.1"
WORKERS = 3
TTL_SECONDS = 5
DASK = (sys.executable, "-m", "dask")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.05)


def make_certificates(folder: Path) -> Path:
    script = REPOSITORY / "tools" / "dask-certs.sh"
    done = subprocess.run(["sh", str(script), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


PAGES = (
    *("/", "/status", "/workers", "/info/main/workers.html", "/json/counts.json"),
    *("/metrics", "/individual-plots.json", "/api/v1/get_workers", "/statics/css/base.css"),
    "/proxy/8786/127.0.0.1/status",
)


def listening(processes: Sequence[psutil.Process]) -> list[tuple[str, int]]:
    """Address and port of every socket that waits for connections."""
    return [
        (one.laddr.ip, one.laddr.port)
        for process in processes
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    ]


def answer(port: int, path: str) -> tuple[int, bytes]:
    """Status and text of the answer to an HTTP request; 0 where there is none."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            told = connection.getresponse()
            return told.status, told.read()
        except (http.client.HTTPException, OSError):
            return 0, b""


def health_pages(ports: Iterable[int]) -> set[int]:
    """The ports that answer to HTTP, after a look that it is for their health and nothing else."""
    pages = {port for port in ports if answer(port, "/health") == (200, b"ok")}
    for port in pages:
        assert {path: answer(port, path)[0] for path in PAGES} == dict.fromkeys(PAGES, 404)
        own = json.loads(answer(port, "/sitemap.json")[1])
        assert own == {"paths": ["/health", "/sitemap.json"]}
    return pages


class Node:
    """A machine of the cluster: a process group of its own, which ends as one."""

    def __init__(self, command: list[str], env: dict[str, str], folder: Path, cwd: Path) -> None:
        self.log = folder / f"{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                tied(*command), env=env, cwd=cwd, stdout=log, stderr=log, start_new_session=True
            )

    def send(self, sent: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sent)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait()

    def processes(self) -> list[psutil.Process]:
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]


class Cluster:
    """A scheduler and its workers; `heal` makes it whole again after a test has broken it."""

    def __init__(self, folder: Path, workers: int = WORKERS) -> None:
        self.folder, self._workers = folder, workers
        self.certificates = make_certificates(folder / "certificates")
        self.scheduler: Node | None = None
        self.nodes: list[Node] = []
        self.address = ""

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{IMPORTABLE}",
            "DASK_CONFIG": str(CONFIG),
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{TTL_SECONDS} s",
            "DASK_DISTRIBUTED__WORKER__PRELOAD": "['taxiway.workers.dask.tls']",
        }

    @property
    def tls(self) -> tuple[str, ...]:
        """Options of scheduler and workers."""
        names = {"--tls-ca-file": "ca.crt", "--tls-cert": "dask.crt", "--tls-key": "dask.key"}
        return tuple(
            part
            for option, name in names.items()
            for part in (option, f"{self.certificates}/{name}")
        )

    def config(self, **changed: Any) -> DaskWorkers:
        return DaskWorkers(
            **{
                "kind": "dask",
                "address": self.address,
                "ca_file": f"{self.certificates}/ca.crt",
                "cert_file": f"{self.certificates}/dask.crt",
                "key_file": f"{self.certificates}/dask.key",
                "connect_seconds": 20.0,
                **changed,
            }
        )

    def heal(self) -> None:
        """A scheduler where it was, and nodes in place of those that ended.

        Their workers may be on the way.
        """
        if self.scheduler is None or self.scheduler.process.poll() is not None:
            self.stop()
            self.start_scheduler()
        for node in self.nodes:
            if node.process.poll() is not None:
                node.kill()
        self.nodes = [node for node in self.nodes if node.process.poll() is None]
        while len(self.nodes) < self._workers:
            self.nodes.append(self.start_worker())

    def start_scheduler(self) -> None:
        found = self.folder / f"{time.monotonic_ns()}.json"
        port = self.address.rpartition(":")[2] or "0"
        command = [
            *(*DASK, "scheduler", "--host", "127.0.0.1", "--port", port, "--protocol", "tls"),
            *("--dashboard-address", "127.0.0.1:0", "--no-dashboard"),
            *("--scheduler-file", str(found)),
            *self.tls,
        ]
        self.scheduler = Node(command, self.env, self.folder, REPOSITORY)
        scheduler = self.scheduler.process
        wait_until(lambda: found.exists() or scheduler.poll() is not None, "a scheduler")
        wait_until(lambda: found.read_text().endswith("}"), "its address")
        self.address = json.loads(found.read_text())["address"]

    def start_worker(self, *options: str, code: Path = REPOSITORY) -> Node:
        command = [
            *(*DASK, "worker", self.address, "--host", "127.0.0.1", "--worker-port", "0"),
            *("--nanny-port", "0", "--dashboard-address", "127.0.0.1:0", "--no-dashboard"),
            *("--nworkers", "1"),
            *("--memory-limit", "4GiB", "--local-directory", str(self.folder / "scratch")),
            *("--death-timeout", "30", *(options or ("--nthreads", "1"))),
            *self.tls,
        ]
        env = {**self.env, "PYTHONPATH": f"{code}{os.pathsep}{IMPORTABLE}"}
        return Node(command, env, self.folder, code)

    def idle(self) -> int:
        """How many workers there are that have nothing left of any job."""
        with self.client() as client:
            tasks = client.run(lambda dask_worker: len(dask_worker.state.tasks), on_error="return")
        return list(tasks.values()).count(0)

    def address_of(self, name: str) -> str:
        """The address of the worker of that name; empty where there is none."""
        with self.client() as client:
            workers = client.scheduler_info()["workers"]
        return next((address for address, one in workers.items() if one["name"] == name), "")

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """A connection of the test's own."""
        client = connected(self.config())
        try:
            yield client
        finally:
            client.close()

    def node_of(self, pid: int) -> Node:
        """The node with a process of that id."""
        return next(node for node in self.nodes if pid in {one.pid for one in node.processes()})

    def processes(self) -> list[psutil.Process]:
        assert self.scheduler is not None
        return [one for node in (self.scheduler, *self.nodes) for one in node.processes()]

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))

    def stop(self) -> None:
        for node in (*self.nodes, *([self.scheduler] if self.scheduler else [])):
            node.kill()
        self.nodes = []
        self.scheduler = None
