"""Sends what libraries print into a log file, and keeps the terminal for what users should see."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from taxiway.runners.console.terminal import TerminalConsole


@contextlib.contextmanager
def captured_output(log_file: Path) -> Iterator[TerminalConsole]:
    """Points file descriptors 1 and 2 at the log, C++ libraries' output included.

    Yields:
      A console on the terminal (or pipe) that standard output was before.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    width = shutil.get_terminal_size().columns
    saved = os.dup(1), os.dup(2)
    with log_file.open("ab", buffering=0) as log, os.fdopen(os.dup(1), "w") as terminal:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        logging.basicConfig(
            level=logging.INFO,
            stream=sys.stderr,
            format="%(asctime)s %(levelname).1s %(name)s %(message)s",
        )
        try:
            yield TerminalConsole(file=terminal, width=width if terminal.isatty() else None)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for target, before in zip((1, 2), saved, strict=True):
                os.dup2(before, target)
                os.close(before)
