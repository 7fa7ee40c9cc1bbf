"""A server of someone else's runs until it is to end, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.errors import TaxiwayError
from taxiway.process.attended import Server, attend

LISTENS = """
import os, socket, sys, time
child = os.fork()  # a worker, which Ctrl-C or SIGTERM of its parent alone would not end
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) if child else socket.socket() as one:
    if child:
        print("worker", child, flush=True)
    while True:
        time.sleep(1) if not child else one.accept()
"""


@pytest.fixture
def server(tmp_path: Path) -> Callable[[str], Server]:
    def make(program: str) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return Server(
            name="Listener",
            command=[sys.executable, "-c", program, str(port)],
            host="127.0.0.1",
            port=port,
            log=tmp_path / "logs" / "server.log",
            environment={},
            edit="--port",
        )

    return make


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_with_all_that_it_started(
    server: Callable[[str], Server], sent: signal.Signals
) -> None:
    listener, told = server(LISTENS), []
    # A shell has what it starts in the background ignore Ctrl-C.
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)

    def look() -> None:
        told.append("look")
        assert len(told) < 9
        if len(told) == 3:
            os.kill(os.getpid(), sent)
        if len(told) == 2:
            raise TaxiwayError("the next look may go well")

    before = signal.getsignal(signal.SIGTERM)
    try:
        attend(listener, lambda: told.append("ready"), look, 0.01)
    finally:
        signal.signal(signal.SIGINT, ctrl_c)
    assert told == ["ready", "look", "look"]
    assert signal.getsignal(signal.SIGTERM) is before
    worker = int(listener.log.read_text().split()[1])
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_one_that_ends_by_itself_is_told_with_its_last_words(
    server: Callable[[str], Server],
) -> None:
    listener = server("import sys; sys.exit('no such option')")
    with pytest.raises(TaxiwayError, match="Listener ended with code 1:\nno such option") as told:
        attend(listener, lambda: None, lambda: None, 1)
    assert told.value.edit == str(listener.log)


def test_a_port_that_is_taken_is_told_before_anything_is_started(
    server: Callable[[str], Server],
) -> None:
    listener = server(LISTENS)
    with (
        socket.create_server(("127.0.0.1", listener.port)),
        pytest.raises(TaxiwayError, match=r"something listens at 127\.0\.0\.1:") as told,
    ):
        attend(listener, lambda: None, lambda: None, 1)
    assert told.value.edit == "--port"
    assert not listener.log.exists()
