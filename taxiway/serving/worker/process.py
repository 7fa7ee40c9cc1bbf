"""What starting and ending a worker process takes: environment, private folder, first line, end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from taxiway.serving.worker.supervisor import FOLDER_PREFIX

MOST_LINE_BYTES: Final = 4 * 2**20
"""Of what a worker tells: names and types of a model's inputs and outputs."""

_GRACE_SECONDS = 2.0
_LONGEST_TEMPDIR = 60  # a unix socket's path has room for 107 bytes
# A model sees what Python and TensorFlow need of the environment, and none of its secrets.
_ENVIRONMENT = frozenset(
    {"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR", "TZ"}
)
_ENVIRONMENT_PREFIXES = ("CUDA_", "LC_", "OMP_", "TF_", "XLA_")


def private_folder() -> Path:
    """A new folder that only this user may enter, with a path short enough for a unix socket."""
    temporary = tempfile.gettempdir()
    parent = temporary if len(temporary) <= _LONGEST_TEMPDIR else "/tmp"  # noqa: S108  # a socket has a short path
    return Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=parent))


def environment() -> dict[str, str]:
    """The part of this process's environment a worker gets, and where it finds our packages."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES)
    }
    # The worker does not start in this process's folder, where our packages may have been found.
    ours = str(Path(__file__).resolve().parents[3])
    given = [path for path in kept.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**kept, "PYTHONPATH": os.pathsep.join([ours, *map(os.path.abspath, given)])}


class Lines:
    """What a worker tells, line by line. On a socket, which no path leads to as to a pipe's end."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._received = b""

    def next(self, deadline: float) -> bytes | None:
        """A line, or what came before the end; None where the deadline passes first."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        while b"\n" not in self._received and len(self._received) < MOST_LINE_BYTES:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return None
            chunk = self._channel.recv(65536)
            if not chunk:
                break
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return line

    def close(self) -> None:
        """Closes this end."""
        self._channel.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a worker: its supervisor kills the rest and tidies up; else all of it is killed."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
