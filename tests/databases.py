"""Real database servers on loopback, from the distribution's packages, for the time of a test."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from taxiway.registry.section import Registry, parse_registry
from tests.tied import tied

PASSWORD = "only for tests"
DEADLINE_SECONDS = 60.0
ROOM = 4 * 2**30
"""Bytes free in memory, where the servers' files are kept if there is room."""


@dataclass
class Server:
    """A running server; `kind` is that of the metadata section."""

    kind: str
    port: int
    command: list[str]
    process: subprocess.Popen[bytes]

    def settings(self, database: str = "") -> list[str]:
        """Config assignments for databases of its own, unless one is named."""
        name = database or f"taxiway_{uuid.uuid4().hex}"
        return [
            f"metadata.kind={self.kind}",
            "metadata.host=127.0.0.1",
            f"metadata.port={self.port}",
            f"metadata.database={name}",
            "metadata.user=taxiway",
            f"registry.kind={self.kind}",
            "registry.host=127.0.0.1",
            f"registry.port={self.port}",
            f"registry.database={name}_registry",
            "registry.password_env=TAXIWAY_METADATA_PASSWORD",
        ]

    def registry(self, database: str = "") -> Registry:
        """A `registry` section for a database of its own, unless one is named."""
        name = database or f"taxiway_{uuid.uuid4().hex}"
        section = {"kind": self.kind, "host": "127.0.0.1", "port": self.port, "database": name}
        return parse_registry(json.dumps(section))

    def restart(self) -> None:
        """Ends the server as its package's service would, and starts it again."""
        # PostgreSQL's service sends SIGINT: on SIGTERM the server would wait for its clients.
        fast = signal.SIGINT if self.kind == "postgresql" else signal.SIGTERM
        self.process.send_signal(fast)
        self.process.wait(DEADLINE_SECONDS)
        self.process = _started(self.command, self.port)


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    """A MariaDB with a user `taxiway` who may make databases."""
    if shutil.which("mariadbd") is None:
        pytest.skip("MariaDB is not installed (apt-get install mariadb-server)")
    if os.geteuid() != 0:
        pytest.skip("the server is started as its own user, which only root can do")
    data, port = _folder_of("mysql"), _free_port()
    common = ["--no-defaults", f"--datadir={data}", "--user=mysql"]
    init = ["mariadb-install-db", *common, "--skip-test-db"]
    init.append("--auth-root-authentication-method=normal")
    subprocess.run(init, check=True, capture_output=True)
    init_file = data / "init.sql"
    init_file.write_text(
        f"CREATE USER IF NOT EXISTS taxiway@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO taxiway@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    command = ["mariadbd", *common, f"--socket={data}/socket", f"--port={port}"]
    command += ["--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0"]  # no test cuts the power
    command += ["--bind-address=127.0.0.1", "--skip-name-resolve", f"--init-file={init_file}"]
    server = Server("mysql", port, command, _started(command, port))
    try:
        yield server
    finally:
        _end(server.process, signal.SIGKILL)  # its files go with it
        shutil.rmtree(data, ignore_errors=True)


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL with a superuser `taxiway`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    if os.geteuid() != 0:
        pytest.skip("the server refuses to run as root, and only root can become its user")
    data, port = _folder_of("postgres"), _free_port()
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    init = [str(found[-1].parent / "initdb"), "-D", str(data), "-U", "taxiway", "-A", "md5"]
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(PASSWORD)
        password.flush()
        Path(password.name).chmod(0o644)
        line = [*as_postgres, *init, f"--pwfile={password.name}"]
        subprocess.run(line, check=True, capture_output=True, cwd="/")
    command = [*as_postgres, str(found[-1]), "-D", str(data), "-p", str(port)]
    command += ["-h", "127.0.0.1", "-k", str(data), "-c", "dynamic_shared_memory_type=mmap"]
    command += ["-c", "fsync=off"]  # no test cuts the power
    server = Server("postgresql", port, command, _started(command, port))
    try:
        yield server
    finally:
        _end(server.process, signal.SIGQUIT)  # at once: not when its clients have gone, nor cleanly
        shutil.rmtree(data, ignore_errors=True)


def _folder_of(user: str) -> Path:
    """Not below pytest's own folder, which another session would close to other users."""
    memory = Path("/dev/shm")  # sooner than a disk, and gone with the test
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="taxiway-server-", dir=memory if roomy else None))
    shutil.chown(folder, user, user)
    return folder


def _started(command: list[str], port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        tied(*command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    )
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process
        assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{command[0]} never listened"
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes], sent: signal.Signals) -> None:
    process.send_signal(sent)
    try:
        process.wait(DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="session", name="mariadb")
def _mariadb() -> Iterator[Server]:
    with mariadb() as server:
        yield server


@pytest.fixture(scope="session", name="postgresql")
def _postgresql() -> Iterator[Server]:
    with postgresql() as server:
        yield server
