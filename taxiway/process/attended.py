"""Runs a server of someone else's until Ctrl-C or SIGTERM, and ends it with all that it started."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from taxiway.errors import TaxiwayError

SECONDS_TO_START: Final = 120.0
SECONDS_TO_END: Final = 5.0
_LAST_LINES: Final = 5


@dataclass(frozen=True)
class Server:
    """A server to be run.

    Args:
      name: what it is called in messages.
      command: its command line.
      host: of this machine, where it is to listen.
      port: there.
      log: the file that takes what it prints.
      environment: variables beside those of this process.
      edit: what mends a port that is taken.
    """

    name: str
    command: Sequence[str]
    host: str
    port: int
    log: Path
    environment: Mapping[str, str]
    edit: str


def attend(
    server: Server, ready: Callable[[], None], look: Callable[[], None], every: float
) -> None:
    """Runs a server until the user ends it.

    Args:
      server: what to run.
      ready: called once, when it listens.
      look: called then, and every so often.
      every: seconds from one look to the next.

    Raises:
      TaxiwayError: the port is taken, or the server ended by itself.
    """
    if _listens(server):
        raise TaxiwayError(
            f"something listens at {server.host}:{server.port} already", edit=server.edit
        )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _running(server) as process:
            try:
                _await_start(server, process)
                ready()
                while process.poll() is None:
                    try:
                        look()
                    except TaxiwayError as error:  # the next look may go well
                        logging.warning("%s", error.message)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(every)
                raise _ended(server, process)
            finally:
                _end(process)
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


def _running(server: Server) -> subprocess.Popen[bytes]:
    """The process, which leads a group of its own, so that all of it can be ended."""
    server.log.parent.mkdir(parents=True, exist_ok=True)
    with server.log.open("wb") as log:
        return subprocess.Popen(
            server.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **server.environment},
            start_new_session=True,
        )


def _await_start(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not _listens(server):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            raise _ended(server, process)
        if time.monotonic() > deadline:
            raise TaxiwayError(
                f"{server.name} does not listen after {SECONDS_TO_START:.0f} seconds",
                edit=str(server.log),
            )


def _listens(server: Server) -> bool:
    try:
        with socket.create_connection((server.host, server.port), timeout=1.0):
            return True
    except OSError:
        return False


def _ended(server: Server, process: subprocess.Popen[bytes]) -> TaxiwayError:
    lines = server.log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = "\n".join(lines[-_LAST_LINES:])
    return TaxiwayError(
        f"{server.name} ended with code {process.returncode}:\n{told}", edit=str(server.log)
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the whole group; what has not gone after some seconds is killed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_END
        while time.monotonic() < deadline:
            process.poll()
            os.killpg(process.pid, 0)  # raises when none is left
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _interrupt(_signal: int, _frame: FrameType | None) -> Any:
    raise KeyboardInterrupt
