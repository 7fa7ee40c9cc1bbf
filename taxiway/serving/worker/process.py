"""What starting and ending a worker process takes: environment, private folder, first line, end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path

_LONGEST_TEMPDIR = 60  # a unix socket's path has room for 107 bytes
# A model sees what Python and TensorFlow need of the environment, and none of its secrets.
_ENVIRONMENT = frozenset(
    {"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR", "TZ"}
)
_ENVIRONMENT_PREFIXES = ("CUDA_", "LC_", "OMP_", "TF_", "XLA_")


def private_folder() -> Path:
    """A new folder that only this user may enter, with a path short enough for a unix socket."""
    temporary = tempfile.gettempdir()
    parent = temporary if len(temporary) <= _LONGEST_TEMPDIR else "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="taxiway-worker-", dir=parent))


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


def read_line(descriptor: int, deadline: float) -> bytes | None:
    """What comes up to a newline or the end; None where the deadline passes first."""
    line = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return None
        chunk = os.read(descriptor, 65536)
        if not chunk:
            break
        line += chunk
    return line


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills a worker's whole process group; a model has nothing to save."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
