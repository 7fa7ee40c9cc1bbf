"""A registry and folders of the bench's own with two versions of one model, and its gateways."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from taxiway.config.loader import load_config
from taxiway.process.manifest import MANIFEST_FILE, digest, manifest_of
from taxiway.registry.auth.actor import Actor, Permission, Role
from taxiway.registry.database.session import Database
from taxiway.registry.deploy.queue import queue_version
from taxiway.registry.versions.records import Candidate, register

NAME: Final = "flights"
_ACTOR: Final = Actor("bench", "system", Role.ADMIN)


@dataclass
class Server:
    """A process that answers on a port of loopback."""

    process: subprocess.Popen[str]
    port: int
    admin: str = ""
    """URL of a gateway's admin port."""


class Site:
    """Two versions, 1 and 2, of the same SavedModel; both are in the deploy queue."""

    def __init__(self, root: Path, model: Path, row: dict[str, Any]) -> None:
        self.root = root
        self.model = model
        self.options = ["--set", f"output.root={root}", "--set", "serving.warm_up.rows=0"]
        self.options += ["--set", f"model.name={NAME}", "--set", "notify={kind: none}"]
        columns = {name: [value] for name, value in row.items()}  # by which it is warmed up, too
        smoke_test = {"columns": columns, "output": "probability", "lower": 0.0}
        self.options += ["--set", f"serving.smoke_tests={json.dumps([smoke_test])}"]
        self.names: list[str] = []
        config = load_config([], self.options[1::2])
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
    def gateway(self) -> Iterator[Server]:
        """`taxiway serve`, once it is ready."""
        ports = ("--port", "0", "--grpc-port", "0", "--admin-port", "0", "--no-access-log")
        command = [sys.executable, "-m", "taxiway", "serve", *self.options, *ports, "--json"]
        with started(command) as process:
            assert process.stdout is not None
            server = Server(process, 0)
            for line in process.stdout:
                told = json.loads(line)
                if told["event"] == "listening":
                    server.port, server.admin = int(told["rest"].rpartition(":")[2]), told["admin"]
                if told["event"] == "ready":
                    break
            threading.Thread(target=process.stdout.read, daemon=True).start()  # a full pipe blocks
            yield server

    @contextlib.contextmanager
    def plain(self) -> Iterator[Server]:
        """FastAPI with the model in the process."""
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
        folder = self.root / "serving" / NAME / "1"
        module = "benchmarks.serving.plain_fastapi"
        with started([sys.executable, "-m", module, str(folder), str(port)]) as process:
            while process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
            yield Server(process, port)

    def rollout(self, gateway: Server, *words: str) -> None:
        """`taxiway rollout ...`, in a process of its own; a gateway makes the move."""
        command = [sys.executable, "-m", "taxiway", "rollout", *words, "--gateway", gateway.admin]
        subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def started(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process, which ends with the block."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def rows(request: Path) -> dict[str, Any]:
    """One row as the run's report keeps it, without the lists."""
    columns = json.loads(request.read_text())
    return {name: values[0] for name, values in columns.items() if values}
