"""The trusted half of a model worker: it starts the half that reads the model, and ends it.

The one in the sandbox can remove no folder but what is in its own, and might not end when it
should. This one reads nothing of the model, stays outside of the sandbox, and sees to both.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

FOLDER_PREFIX: Final = "taxiway-worker-"
_PR_SET_PDEATHSIG: Final = 1


def supervise(work: Callable[[Path], int], socket: Path | None, *, until_stdin_closes: bool) -> int:
    """Does the work in a process of its own; gives its exit code, or ends by the same signal.

    Args:
      work: called in the other process, with a temporary folder that is removed afterwards.
      socket: removed afterwards too.
      until_stdin_closes: ends when whoever started this process does, or closes the pipe. Its
        current folder is theirs, and is removed if nothing else is in it.
    """
    own = Path.cwd() if until_stdin_closes else None
    temporary = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=own))
    ended, running = os.pipe()
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(ended)
        _end_with(supervisor)
        return work(temporary)
    os.close(running)  # the other process holds the only one left
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    by_itself = False
    try:
        by_itself = _wait(ended, until_stdin_closes)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        status = _end(child)
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            if socket is not None:
                socket.unlink(missing_ok=True)
            if own is not None:
                own.rmdir()  # which leaves a folder that holds anything else
    return _mirrored(status) if by_itself else 0


def _end_with(supervisor: int) -> None:
    """Has the kernel end this process when its parent ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != supervisor:  # it has ended already
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait(ended: int, until_stdin_closes: bool) -> bool:
    """Waits for the end; whether it is the other process that has ended."""
    watched = select.poll()
    watched.register(ended, select.POLLHUP)
    if until_stdin_closes:
        watched.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
        # The parent's other children may have inherited the pipe and would keep it open; where the
        # system has no pidfd, the pipe has to do.
        with contextlib.suppress(AttributeError, OSError):
            watched.register(os.pidfd_open(os.getppid()), select.POLLIN)
    return any(descriptor == ended for descriptor, _ in watched.poll())


def _end(child: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _mirrored(status: int) -> int:
    """Ends as the other process has ended, so that whoever started this one sees it."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError):  # SIGKILL has no other way
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return os.WEXITSTATUS(status)


def _leave(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)
