"""The model worker: a process that loads one SavedModel and answers on a unix socket only.

    python -m taxiway.serving.worker --model DIR --socket PATH [--memory-limit-mb N]
    python -m taxiway.serving.worker --model DIR --once '{"origin": ["JFK"], "distance": [2475]}'

A SavedModel is a program. So the worker closes a sandbox on itself, looks at the model's operations
before it loads it, and refuses those that a model has no need of.

With --socket, its standard output has two lines of JSON. The first is of the sandbox, and written
before anything of the model is read: `{"pid", "missing": {control: why it does not hold}}`. The
second is `{"ready": true, ...}`, or `{"error", "type"}` where the model does not load.
"""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
import re
import socket
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from taxiway.modeling.names import SERVING
from taxiway.process.lean_imports import lean_imports
from taxiway.process.manifest import MANIFEST_FILE, verify
from taxiway.serving.worker.isolation import told
from taxiway.serving.worker.process import environment
from taxiway.serving.worker.sandbox import Control, allow_processor_time, close, limit_resources
from taxiway.serving.worker.server import Server, describe, listen
from taxiway.serving.worker.supervisor import supervise

if TYPE_CHECKING:
    from taxiway.modeling.exported.loaded_model import LoadedModel

IDLE_SECONDS: Final = 600.0
PROCESSOR_SECONDS: Final = 600.0

# made ahead: there is no room left to make it when it is needed
_NOT_MAPPED = re.compile("cannot allocate memory|failed to map segment", re.IGNORECASE)
_NO_MEMORY = b'{"error": "the memory limit was reached while loading", "type": "MemoryError"}\n'


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a worker, or answers once; gives the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(given)
    _leave_environment(given)
    answers, complaints = _keep_streams_clean(quiet=options.once is not None)
    try:
        if options.once is not None:
            columns = _columns(options.once)
            work = partial(_answer_once, options, columns, answers, complaints)
        else:
            # made here, for in the sandbox no socket can be; no one is answered before it is ready
            work = partial(_serve, options, listen(options.socket), answers)
        return supervise(work, options.socket, until_stdin_closes=options.until_stdin_closes)
    except (OSError, ValueError, TypeError) as error:
        return _complain(complaints, error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m taxiway.serving.worker", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", type=Path, required=True, help="folder of the SavedModel")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path, help="unix socket to listen on")
    where.add_argument("--once", metavar="JSON", help="columns to predict, @FILE, or - for stdin")
    parser.add_argument("--signature", default=SERVING, help="that takes tf.Examples")
    parser.add_argument("--memory-limit-mb", type=int, help="bound of the data segment")
    parser.add_argument(
        "--processor-seconds",
        type=float,
        default=PROCESSOR_SECONDS,
        help="of all cores, that loading or one request may take (default: %(default)g)",
    )
    parser.add_argument(
        "--idle-seconds",
        type=float,
        default=IDLE_SECONDS,
        help="after which a client that asks nothing is let go; 0: never (default: %(default)g)",
    )
    parser.add_argument(
        "--allow-operation",
        action="append",
        default=[],
        metavar="NAME",
        help="of TensorFlow, that the model may have besides those of the list; may be repeated",
    )
    parser.add_argument(
        "--isolation",
        choices=("required", "best_effort"),
        default="best_effort",
        help="whether to load the model where the system refuses some of it (default: %(default)s)",
    )
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when the parent does"
    )
    return parser


def _leave_environment(arguments: Sequence[str]) -> None:
    """Starts anew without the variables that a model has no need of.

    Taking them out of os.environ would leave them in the process's memory and in /proc.
    """
    kept = environment()
    if set(os.environ) - set(kept):
        line = [sys.executable, "-m", "taxiway.serving.worker", *arguments]
        os.execve(sys.executable, line, kept)  # noqa: S606  # no shell is what is wanted


def _keep_streams_clean(quiet: bool) -> tuple[TextIO, TextIO]:
    """Gives the real standard output and error, and sends what libraries print to the latter.

    TensorFlow's own log starts with errors, and newer ones write some whatever level is asked for;
    `quiet` leaves it all out, for a person's terminal.
    """
    answers, complaints = os.fdopen(os.dup(1), "w"), os.fdopen(os.dup(2), "w")
    if quiet:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
    os.dup2(2, 1)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3" if quiet else "2")
    # No accelerator is looked for: one worker is not to take a whole GPU's memory.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    warnings.simplefilter("ignore")
    return answers, complaints


def _enter_sandbox(options: argparse.Namespace, temporary: Path) -> dict[Control, str]:
    """Gives what the system refused. Threads started from here on are held too."""
    for name in ("HOME", "KERAS_HOME", "TMPDIR"):  # where libraries look, and may write
        os.environ[name] = str(temporary)
    missing = close(options.model, temporary)
    limit_resources(options.memory_limit_mb, log_limit=options.once is None)
    allow_processor_time(options.processor_seconds)
    return missing


def _load(options: argparse.Namespace, missing: Mapping[Control, str]) -> LoadedModel:
    """Looks at the model, then loads it.

    Raises:
      PermissionError: the sandbox does not hold, and was required to.
      TaxiwayError: the files of a pushed model are not those of its manifest.
      ModelRefused: see `check_model`.
    """
    if missing and options.isolation == "required":
        raise PermissionError(f"isolation is required, and is not whole: {told(missing)}")
    if (options.model / MANIFEST_FILE).is_file():  # of a pushed model; no other has one
        verify(options.model)
    from taxiway.modeling.exported.operations import check_model

    check_model(options.model, options.allow_operation)
    with lean_imports():
        from taxiway.modeling.exported.loaded_model import (
            LoadedModel,  # TensorFlow, only once the sandbox holds
        )

    return LoadedModel(options.model, options.signature)


def _serve(
    options: argparse.Namespace, listener: socket.socket, answers: TextIO, temporary: Path
) -> int:
    missing = _enter_sandbox(options, temporary)
    _write_line(answers, {"pid": os.getpid(), "missing": missing})
    try:
        model = _load(options, missing)
    except Exception as error:
        if for_want_of_memory(error, limited=options.memory_limit_mb is not None):
            os.write(answers.fileno(), _NO_MEMORY)
            os._exit(1)  # an orderly exit would ask for memory too
        _write_line(answers, describe(error))
        return 1
    ready = {
        "ready": True,
        "load_seconds": model.load_seconds,
        "signatures": model.describe(),
        "ranks": model.ranks(),
        "classes": model.classes(),
    }
    _write_line(answers, ready)
    answers.close()
    Server(
        listener,
        model,
        idle_seconds=options.idle_seconds,
        processor_seconds=options.processor_seconds,
    ).run()
    return 0


def for_want_of_memory(error: BaseException | None, *, limited: bool) -> bool:
    """Whether there was no memory, however that came to light.

    A library that cannot be mapped is an ImportError. Under a limit a module may have no memory for
    its own exception, which Python then calls a SystemError.
    """
    kinds = (MemoryError, SystemError) if limited else (MemoryError,)
    while error is not None:
        if isinstance(error, kinds):
            return True
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return True
        if isinstance(error, ImportError) and _NOT_MAPPED.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _answer_once(
    options: argparse.Namespace,
    columns: Mapping[str, Any],
    answers: TextIO,
    complaints: TextIO,
    temporary: Path,
) -> int:
    missing = _enter_sandbox(options, temporary)
    try:
        model = _load(options, missing)
        predictions = model.predict_columns(
            {name: value if isinstance(value, list) else [value] for name, value in columns.items()}
        )
    except Exception as error:
        return _complain(complaints, error)
    if missing:
        complaints.write(f"note: the model was not isolated: {told(missing)}\n")
    _write_line(answers, {name: _plain(array.tolist()) for name, array in predictions.items()})
    return 0


def _columns(once: str) -> dict[str, Any]:
    """What `--once` names: of standard input, of a file, or the columns themselves."""
    text = once
    if once == "-":
        text = sys.stdin.read()
    elif once.startswith("@"):
        text = Path(once[1:]).read_text(encoding="utf-8")
    columns = json.loads(text)
    if not isinstance(columns, dict):
        raise TypeError('expected a JSON object of columns, such as {"origin": ["JFK"]}')
    return columns


def _plain(value: Any) -> Any:
    """A value JSON has: it knows neither NaN nor bytes."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _complain(complaints: TextIO, error: Exception) -> int:
    described = describe(error)
    edit = f"; edit {described['edit']}" if described.get("edit") else ""
    complaints.write(f"error: {described['type']}: {described['error']}{edit}\n")
    complaints.flush()
    return 1


def _write_line(stream: TextIO, message: Mapping[str, Any]) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
