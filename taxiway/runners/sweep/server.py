"""The process that trials are forked from: it has imported what runs need, and does nothing else.

`python -m taxiway.runners.sweep.server` reads an order in each line of standard input and answers
in lines of JSON: what the trial is at, then its result. A trial that dies, or leaves memory behind,
costs itself only, and none waits for imports. All of it ends with the sweep: the kernel interrupts
a trial whose server has ended, and the server when the sweep has, so that the trial's own run says
how it ended. Forking is safe here since nothing has used what was imported yet.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from taxiway.process.lean_imports import lean_imports
from taxiway.process.memory import few_arenas, share_gpu
from taxiway.process.project import enter_project

PRELOADED: Final = (
    "taxiway.runners.console.progress",
    "taxiway.runners.local.exit_handler",
    "taxiway.runners.local.run",
    "taxiway.evaluation.results",
    "taxiway.runners.sweep.trial",
)
_PR_SET_PDEATHSIG: Final = 1


def serve(parent: int, pipeline: str) -> None:
    """Runs orders until there are no more.

    Args:
      parent: id of the process that orders.
      pipeline: module of the pipeline, imported beforehand.
    """
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what others print is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only a trial is interrupted
    _end_with(parent)
    enter_project()
    few_arenas()
    share_gpu()
    with lean_imports():
        for name in (*PRELOADED, pipeline):
            importlib.import_module(name)
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        _answer(answers, {"ended": _fork(line, answers)})


def _fork(line: str, answers: int) -> int:
    """Runs an order in a process of its own; gives its exit code, negative where it was killed."""
    server = os.getpid()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: OpenBLAS's, safe to fork
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _end_with(server)
            _work(line, answers)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _answer(answers, {"begun": child})
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _work(line: str, answers: int) -> None:
    from taxiway.runners.sweep.trial import Order, run_trial

    logging.root.handlers.clear()  # absl's, which came with TensorFlow; the run has its own
    result = run_trial(Order.from_line(line), lambda text: _answer(answers, {"doing": text}))
    _answer(answers, {"result": {**asdict(result), "curve": list(result.curve)}})


def _answer(descriptor: int, values: Mapping[str, Any]) -> None:
    os.write(descriptor, f"{json.dumps(values)}\n".encode())


def _end_with(parent: int) -> None:
    """Has the kernel interrupt this process when its parent ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))
    if os.getppid() != parent:  # it has ended already
        os._exit(1)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
