"""`taxiway serve` as its users meet it: a process that loads, answers, logs, and ends in order."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.process.manifest import MANIFEST_FILE, digest, manifest_of
from taxiway.registry.database.session import open_database
from taxiway.registry.deploy.queue import DeployQueue
from taxiway.registry.versions.records import Candidate, register
from tests.conftest import REPOSITORY, TINY
from tests.taxiway.registry.conftest import ANN
from tests.tied import tied

FREE_PORTS = ("--port", "0", "--grpc-port", "0", "--admin-port", "0")


def test_no_part_of_the_gateway_imports_tensorflow_tfx_or_ml_metadata() -> None:
    program = (
        "import sys, taxiway.serving.gateway.process\n"
        "print([one for one in ('tensorflow', 'tfx', 'ml_metadata') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


class Gateway:
    """`taxiway serve` in a process of its own, over an empty registry.

    Args:
      root: of all that runs leave.
      options: ports; any that are free where none is given.
    """

    def __init__(self, root: Path, *options: str) -> None:
        command = [sys.executable, "-m", "taxiway.cli.main", "serve", *(options or FREE_PORTS)]
        command += ["--config", TINY, "--set", f"output.root={root}"]
        self.process = subprocess.Popen(
            tied(*command), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def line(self, event: str) -> dict[str, Any]:
        """The next line of an event."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            if told.get("event") == event:
                return told
        raise AssertionError(f"it ended without {event}: {self._errors()}")

    def end(self) -> int:
        """Asks it to end; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self) -> None:
        """Ends it, whatever it does."""
        self.process.kill()
        self.process.communicate()

    def _errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


def asked(url: str, body: Any = None) -> tuple[int, Any]:
    """Status and document."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def push(root: Path) -> None:
    """Leaves a version where the Pusher does, and in the queue."""
    from tests.taxiway.serving.obedient import save_obedient

    folder = save_obedient(root / "serving" / "tiny" / "7")
    text = manifest_of(folder)
    (folder / MANIFEST_FILE).write_text(text)
    with_digest = Candidate(
        model="tiny",
        run_id="run-1",
        model_digest=digest(text),
        contract_digest="c",
        pipeline_digest="p",
        pushed_to=str(folder),
        metrics={},
        artifact_uri="",
    )
    database = open_database(load_config([TINY], [f"output.root={root}"]).registry)
    DeployQueue(database).put(register(database, with_digest, ANN), ANN)
    database.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """One that runs."""
    made = Gateway(tmp_path)
    yield made
    made.close()


@pytest.mark.pipeline
@pytest.mark.xdist_group("model_worker")
def test_what_is_pushed_while_it_runs_is_loaded_answered_logged_and_ended(
    gateway: Gateway, tmp_path: Path
) -> None:
    where = gateway.line("listening")
    predict = f"{where['rest']}/v1/models/tiny:predict"
    status, told = asked(predict, {"instances": [{"distance": 10}]})
    assert (status, told) == (503, {"error": "no version of tiny answers yet (none is known)"})
    assert asked(f"{where['rest']}/v2/health/ready")[0] == 503

    push(tmp_path)
    (arm,) = gateway.line("ready")["models"]["tiny"]
    assert (arm["number"], arm["arm"], arm["weight"]) == (7, "stable", 1.0)
    status, told = asked(predict, {"instances": [{"distance": 10}, {"tags": ["a", "b"]}]})
    assert status == 200
    assert [one["probability"] for one in told["predictions"]] == pytest.approx([1.0, 0.0])
    status, told = asked(f"{where['admin']}/api/status")
    (version,) = told["models"][0]["versions"]
    assert (version["state"], version["arm"]) == ("AVAILABLE", "stable")
    assert version["memory_bytes"] > 50 * 2**20
    assert version["restarts"] == 0

    assert gateway.end() == 0
    assert gateway.line("stopped")["decisions"] == 1
    assert list((tmp_path / "decisions").rglob("part-*.parquet"))


def test_a_port_that_is_taken_is_an_error_that_names_the_key(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        second = Gateway(tmp_path, "--port", str(taken.getsockname()[1]))
        try:
            _, errors = second.process.communicate(timeout=60)
        finally:
            second.close()
    assert second.process.returncode == 2
    assert b"the gateway cannot listen" in errors
    assert b"serving.port" in errors
