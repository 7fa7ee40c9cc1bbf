"""Starts a program that ends when the test process ends, however that happens.

`tied("dask", "scheduler")` is a command line: this file as a program, which has someone watch, and
then becomes what was asked for, with the same process id. The watcher is a process of its own that
belongs to no one, holds none of the program's files, and waits for either to end. Where the test
process is first, the program has its process group, if it leads one, ended.

The program also takes Ctrl-C, whoever started the tests: a shell has what it starts in the
background ignore it, and that is inherited.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from pathlib import Path

SECONDS_TO_END = 5.0


def tied(*command: str) -> list[str]:
    """The command line that starts a program and ties it to this process."""
    return [sys.executable, "-I", "-S", str(Path(__file__)), str(os.getpid()), *command]


def _main() -> None:
    owner, command = int(sys.argv[1]), sys.argv[2:]
    program = os.getpid()
    if os.fork() == 0:
        if os.fork() == 0:
            _watch(owner, program)
        os._exit(0)
    os.wait()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(command[0], command)  # no shell is what is wanted


def _watch(owner: int, program: int) -> None:
    os.setsid()
    os.closerange(0, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 4096 else 4096)
    with contextlib.suppress(ProcessLookupError):
        ended = os.pidfd_open(program)
        try:
            left = [os.pidfd_open(owner)]
        except ProcessLookupError:  # it has gone already
            left = []
        watched = select.poll()
        for descriptor in (ended, *left):
            watched.register(descriptor, select.POLLIN)
        if left and any(descriptor == ended for descriptor, _ in watched.poll()):
            os._exit(0)
        leads = os.getpgid(program) == program
        for sent in (signal.SIGTERM, signal.SIGKILL):
            (os.killpg if leads else os.kill)(program, sent)
            _wait_for(program, leads)
    os._exit(0)


def _wait_for(program: int, leads: bool) -> None:
    deadline = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < deadline:
        (os.killpg if leads else os.kill)(program, 0)  # raises when none is left
        time.sleep(0.05)


if __name__ == "__main__":
    _main()
