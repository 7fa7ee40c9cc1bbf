"""A registry and folders of the bench's own with two versions of one model, and its servers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.serving.servers.mlserver import mlserver_command
from taxiway.config.loader import load_config
from taxiway.errors import TaxiwayError
from taxiway.process.manifest import MANIFEST_FILE, digest, manifest_of
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.deploy.queue import queue_version
from taxiway.registry.versions.records import Candidate, register
from taxiway.terminal import one_line

NAME: Final = "flights"
_ACTOR: Final = Actor("bench", "system", Role.ADMIN)
_START_SECONDS: Final = 120.0
_END_SECONDS: Final = 30.0


@dataclass
class Server:
    """A process that answers on a port of loopback, and its children.

    Args:
      command: that starts it.
      port: of HTTP.
      log: file for what it prints.
    """

    command: Sequence[str]
    port: int
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Starts it; see `wait_until_ready`."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        """Ends it, as whoever runs it would."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # and what it has left behind
        self.process.wait()

    def wait_until_ready(self, path: str, method: str = "GET") -> None:
        """Returns once it answers a path with 200, or with 405 where the method is not its."""
        ends = time.monotonic() + _START_SECONDS
        while time.monotonic() < ends and self.process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
            try:
                connection.request(method, path)
                if connection.getresponse().status in (200, 405):
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        told = one_line(self.log.read_text(errors="replace")[-500:])
        raise TaxiwayError(f"{' '.join(self.command[:5])} ... does not answer: {told}")


@dataclass
class Gateway(Server):
    """`taxiway serve`.

    Args:
      grpc_port: of gRPC.
      admin_port: of the operators' port.
    """

    grpc_port: int
    admin_port: int

    @property
    def admin(self) -> str:
        """URL of the operators' port."""
        return f"http://127.0.0.1:{self.admin_port}"

    def restart(self) -> None:
        """Ends it, and starts it again on the same ports; returns once it is ready."""
        self.stop()
        self.start()
        self.wait_until_ready("/v2/health/ready")


class Site:
    """Two versions, 1 and 2, of the same SavedModel; both are in the deploy queue.

    Args:
      root: an empty folder.
      model: a SavedModel; it is copied.
      row: by which it is warmed up and tested.
      output: one of its outputs, which is 0 or more for that row.
      settings: more assignments of the config.
    """

    def __init__(
        self,
        root: Path,
        model: Path,
        row: dict[str, Any],
        output: str = "probability",
        settings: Sequence[str] = (),
    ) -> None:
        self.root = root
        self.model = model
        columns = {name: [value] for name, value in row.items()}  # by which it is warmed up, too
        smoke_test = {"columns": columns, "output": output, "lower": 0.0}
        self.assignments = [
            f"output.root={root}",
            "serving.warm_up.rows=0",
            f"model.name={NAME}",
            "notify={kind: none}",
            f"serving.smoke_tests={json.dumps([smoke_test])}",
            *settings,
        ]
        self.names: list[str] = []
        config = load_config([], self.assignments)
        with contextlib.closing(Database(config.registry)) as database:
            for number in (1, 2):
                self.names.append(self._pushed(database, number))

    def _pushed(self, database: Database, number: int) -> str:
        folder = self.root / "serving" / NAME / str(number)
        shutil.copytree(self.model, folder, ignore=shutil.ignore_patterns(MANIFEST_FILE))
        (folder / "assets.extra").mkdir(exist_ok=True)
        (folder / "assets.extra" / "version").write_text(str(number))  # other content
        text = manifest_of(folder)
        (folder / MANIFEST_FILE).write_text(text)
        given = Candidate(
            model=NAME,
            run_id=f"bench-{number}",
            model_digest=digest(text),
            contract_digest="c",
            pipeline_digest="p",
            pushed_to=str(folder),
            metrics={},
        )
        version = register(database, given, _ACTOR)
        with database.changing(_ACTOR, Permission.REGISTER) as change:
            queue_version(change, version, "")
        return version.name

    @contextlib.contextmanager
    def gateway(self) -> Iterator[Gateway]:
        """`taxiway serve`, once it is ready."""
        rest, grpc, admin = _free_ports(3)
        ports = ["--port", str(rest), "--grpc-port", str(grpc), "--admin-port", str(admin)]
        sets = [word for one in self.assignments for word in ("--set", one)]
        command = [sys.executable, "-m", "taxiway", "serve", *sets, *ports, "--no-access-log"]
        server = Gateway(command, rest, self.root / f"gateway-{rest}.log", grpc, admin)
        with _running(server):
            server.wait_until_ready("/v2/health/ready")
            yield server

    @contextlib.contextmanager
    def plain(self) -> Iterator[Server]:
        """FastAPI with the model in the process."""
        (port,) = _free_ports(1)
        module = "benchmarks.serving.servers.plain_fastapi"
        server = Server(
            [sys.executable, "-m", module, str(self.model), str(port)],
            port,
            self.root / "plain.log",
        )
        with _running(server):
            server.wait_until_ready("/predict")
            yield server

    @contextlib.contextmanager
    def mlserver(self, batch_rows: int = 0) -> Iterator[Server]:
        """MLServer in its environment; see `mlserver_command`."""
        ports = _free_ports(3)
        with tempfile.TemporaryDirectory(dir=self.root, prefix="mlserver-") as folder:
            command = mlserver_command(Path(folder), NAME, self.model, ports, batch_rows)
            server = Server(command, ports[0], self.root / "mlserver.log")
            with _running(server):
                server.wait_until_ready(f"/v2/models/{NAME}/ready")
                yield server

    def rollout(self, gateway: Gateway, *words: str) -> None:
        """`taxiway rollout ...`, in a process of its own; a gateway makes the move."""
        command = [sys.executable, "-m", "taxiway", "rollout", *words, "--gateway", gateway.admin]
        subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def _running(server: Server) -> Iterator[None]:
    """It ends with the block."""
    server.start()
    try:
        yield
    finally:
        server.stop()


def _free_ports(count: int) -> list[int]:
    """That nothing listens on now."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in opened]


def rows(request: Path) -> dict[str, Any]:
    """One row as the run's report keeps it, without the lists."""
    columns = json.loads(request.read_text())
    return {name: values[0] for name, values in columns.items() if values}
