"""A worker's socket has room for so many, says so to others, and goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.serving.worker import server as server_module
from taxiway.serving.worker.protocol import pack_strings, receive_frame, send_frame
from taxiway.serving.worker.server import MOST_CONNECTIONS, Server, listen
from tests.conftest import REPOSITORY

FULL = (
    f"this worker has {MOST_CONNECTIONS} connections, the most that it takes: "
    "close one, or try again later"
)


class Half:
    """Stands in for a model: a half for each row."""

    def predict_examples(self, examples: list[bytes]) -> dict[str, Any]:
        return {"probability": np.full(len(examples), 0.5, np.float32)}


class Started:
    """A server on a thread, until the test ends."""

    def __init__(self, folder: Path, idle_seconds: float = 0.0) -> None:
        self.path = folder / "worker.sock"
        self.listener = listen(self.path)
        self.server = Server(
            self.listener,
            Half(),  # type: ignore[arg-type]  # a stand-in
            idle_seconds=idle_seconds,
            processor_seconds=600.0,
        )
        self._ends = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ends:
            self.server.take()

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(self.path))
        return client

    def close(self) -> None:
        self._ends = True
        self.connect().close()
        self._thread.join()
        self.listener.close()


@pytest.fixture(autouse=True)
def _limits_of_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a worker bounds for itself is not for the process of the tests."""
    monkeypatch.setattr(server_module, "allow_processor_time", lambda _: None)
    before = threading.stack_size()
    yield
    threading.stack_size(before)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    running = Started(tmp_path)
    yield running
    running.close()


def ask(client: socket.socket) -> dict[str, Any]:
    send_frame(client, {"ask": "predict_examples"}, pack_strings([b"a"]))
    frame = receive_frame(client)
    assert frame is not None
    return frame[0]


def answer(client: socket.socket) -> dict[str, Any]:
    frame = receive_frame(client)
    assert frame is not None
    return frame[0]


def test_one_connection_too_many_is_told_so_and_has_room_when_another_leaves(
    started: Started,
) -> None:
    clients = [started.connect() for _ in range(MOST_CONNECTIONS)]
    assert "arrays" in ask(clients[0])
    for _ in range(3):
        with started.connect() as late:
            assert answer(late) == {"error": FULL, "type": "BusyError"}
            assert receive_frame(late) is None
    assert "arrays" in ask(clients[-1])
    clients.pop().close()
    while True:  # it is let go when its thread has seen that it left
        with started.connect() as late, contextlib.suppress(BrokenPipeError):  # refused already
            send_frame(late, {"ask": "predict_examples"}, pack_strings([b"a"]))
            if "arrays" in answer(late):
                break
    for client in clients:
        client.close()


def test_a_client_that_asks_nothing_is_let_go_and_one_that_asks_is_not(tmp_path: Path) -> None:
    running = Started(tmp_path, idle_seconds=0.05)
    try:
        with running.connect() as client:
            assert "arrays" in ask(client)
            client.settimeout(30)
            assert receive_frame(client) is None
    finally:
        running.close()


def test_a_client_that_never_ends_its_request_is_let_go(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "FRAME_SECONDS", 0.05)
    with started.connect() as client:
        client.sendall(b"\0\0")
        client.settimeout(30)
        assert client.recv(1) == b""
    with started.connect() as client:
        assert "arrays" in ask(client)


def test_where_no_thread_can_be_started_the_client_is_told_so(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fails)
        with started.connect() as client:
            assert answer(client) == {
                "error": "this worker has no room for another connection: try again later",
                "type": "BusyError",
            }
    with started.connect() as client:
        assert "arrays" in ask(client)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ECONNABORTED])
def test_where_nothing_can_be_accepted_the_server_goes_on(tmp_path: Path, code: int) -> None:
    class Failing:
        """A listener that fails, as one without descriptors does."""

        def accept(self) -> None:
            raise OSError(code, os.strerror(code))

    server = Server(
        Failing(),  # type: ignore[arg-type]  # a stand-in
        Half(),  # type: ignore[arg-type]  # a stand-in
        idle_seconds=0,
        processor_seconds=1,
    )
    server._left.wait = lambda _: True  # type: ignore[method-assign, assignment]  # no wait in a test
    server.take()


@pytest.mark.pipeline
@pytest.mark.xdist_group("model_worker")
def test_a_worker_by_hand_answers_after_300_clients_that_ask_nothing(tmp_path: Path) -> None:
    import tensorflow as tf

    from tests.taxiway.modeling.exported.hostile import save

    model = save(tmp_path / "model", lambda _: tf.constant(0))
    path = tmp_path / "worker.sock"
    line = [sys.executable, "-m", "taxiway.serving.worker", "--model", str(model)]
    line += ["--socket", str(path), "--memory-limit-mb", "1024"]
    worker = subprocess.Popen(line, cwd=REPOSITORY, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    try:
        with worker.stdout:
            assert b'"missing": {}' in worker.stdout.readline()
            assert b'"ready": true' in worker.stdout.readline()
        clients = []
        for _ in range(300):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.connect(str(path))
            clients.append(client)
        assert "arrays" in ask(clients[0])
        assert answer(clients[-1]) == {"error": FULL, "type": "BusyError"}
        for client in clients:
            client.close()
        while True:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as late:
                late.connect(str(path))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # full: it closes
                    send_frame(late, {"ask": "predict_examples"}, pack_strings([b"a"]))
                    if "arrays" in answer(late):
                        break
    finally:
        worker.terminate()
        worker.wait(30)
    assert not path.exists()
