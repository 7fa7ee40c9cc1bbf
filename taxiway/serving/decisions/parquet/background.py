"""Starts the process that makes Parquet of segments, one at a time, and never waits for it."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

AGAIN_SECONDS: Final = 600.0
"""After which it is started though nothing was closed: other gateways may have died, and files have
grown old."""
FAILED_SECONDS: Final = 30.0
"""After which it is tried again where it failed."""
_LOG: Final = logging.getLogger("taxiway.decisions")


class Converter:
    """Runs `python -m taxiway.serving.decisions.parquet` where there is something to do."""

    def __init__(self, root: Path, retention_days: float) -> None:
        program = "taxiway.serving.decisions.parquet"
        self._command = [sys.executable, "-m", program, str(root), str(retention_days)]
        self._process: subprocess.Popen[bytes] | None = None
        self._has_work, self._failed = True, False
        self._next = 0.0

    def poll(self, *, has_work: bool) -> bool:
        """Starts it where there is work; whether one has ended since the last look."""
        self._has_work |= has_work
        ended = self._process is not None and self._process.poll() is not None
        if ended and self._process is not None:
            self._ended(self._process)
        is_due = time.monotonic() >= self._next or (self._has_work and not self._failed)
        if self._process is None and is_due:
            self._start()
        return ended

    def finish(self, seconds: float) -> None:
        """Has all that is left converted; what is not within the time stays for a later start."""
        deadline = time.monotonic() + seconds
        if self._process is not None and not _ends(self._process, deadline):
            return
        last = self._start()
        if _ends(last, deadline):
            self._ended(last)

    def _start(self) -> subprocess.Popen[bytes]:
        self._has_work = False
        self._next = time.monotonic() + AGAIN_SECONDS
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        return self._process

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        self._failed = process.returncode != 0
        if self._failed:
            _LOG.error("decision log: converting to Parquet ended with %d", process.returncode)
            self._next = time.monotonic() + FAILED_SECONDS


def _ends(process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Waits for it; ends it where that takes too long."""
    try:
        process.wait(max(deadline - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        _LOG.warning("decision log: not all is Parquet yet; the next start goes on with it")
        return False
    return True
