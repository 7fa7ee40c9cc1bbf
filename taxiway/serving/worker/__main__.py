"""The model worker: a process that loads one SavedModel and answers on a unix socket only.

    python -m taxiway.serving.worker --model DIR --socket PATH [--memory-limit-mb N]
    python -m taxiway.serving.worker --model DIR --once '{"origin": ["JFK"], "distance": [2475]}'

The first line on its standard output is JSON: `{"ready": true, ...}`, or `{"error", "type"}`
where the model does not load.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import select
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from taxiway.modeling.names import SERVING
from taxiway.process.lean_imports import lean_imports
from taxiway.process.manifest import MANIFEST_FILE, verify
from taxiway.serving.worker.sandbox import leave_network, limit_resources

if TYPE_CHECKING:
    from taxiway.modeling.loaded_model import LoadedModel

_BACKLOG = 16
# made ahead: there is no room left to make it when it is needed
_NO_MEMORY = b'{"error": "the memory limit was reached while loading", "type": "MemoryError"}\n'


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a worker, or answers once; gives the exit code."""
    options = _parser().parse_args(arguments)
    answers, complaints = _keep_streams_clean(quiet=options.once is not None)
    # Threads started from here on are held too; even numpy starts some when it is imported.
    network, why = leave_network()
    limit_resources(options.memory_limit_mb, log_limit=options.once is None)
    if options.until_stdin_closes:
        _end_with_parent(options.socket)
    if options.once is not None:
        return _answer_once(options, answers, complaints)
    limits = {"network": network, "network_reason": why, "memory_limit_mb": options.memory_limit_mb}
    return _serve(options, answers, limits)


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
        "--until-stdin-closes", action="store_true", help="end when the parent does"
    )
    return parser


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


def _load(options: argparse.Namespace) -> LoadedModel:
    if (options.model / MANIFEST_FILE).is_file():  # of a pushed model; no other has one
        verify(options.model)
    with lean_imports():
        from taxiway.modeling.loaded_model import (
            LoadedModel,  # TensorFlow, only once the sandbox holds
        )

    return LoadedModel(options.model, options.signature)


def _serve(options: argparse.Namespace, answers: TextIO, limits: Mapping[str, Any]) -> int:
    try:
        model = _load(options)
        listener = _listen(options.socket)
    except MemoryError:
        os.write(answers.fileno(), _NO_MEMORY)
        os._exit(1)  # an orderly exit would ask for memory too
    except Exception as error:
        _write_line(answers, _describe(error))
        return 1
    ready = {
        "ready": True,
        **limits,
        "load_seconds": model.load_seconds,
        "signatures": model.describe(),
    }
    _write_line(answers, ready)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_converse, args=(connection, model), daemon=True).start()


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # only this user may connect
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener


def _converse(connection: socket.socket, model: LoadedModel) -> None:
    """Answers one client until it leaves or sends what is no request."""
    from taxiway.serving.worker.protocol import ProtocolError, receive_frame, send_frame

    with connection:
        try:
            while (frame := receive_frame(connection)) is not None:
                header, body = _answer(model, *frame)
                try:
                    send_frame(connection, header, body)
                except ProtocolError as error:  # the answer is too large; nothing was sent
                    send_frame(connection, _describe(error))
        except ProtocolError as error:
            send_frame(connection, _describe(error))
        except OSError:
            return  # the client has gone


def _answer(
    model: LoadedModel, header: Mapping[str, Any], body: bytes
) -> tuple[dict[str, Any], bytes]:
    from taxiway.serving.worker.protocol import pack_arrays, unpack_strings

    asks: dict[str, Callable[[], Any]] = {
        "predict_examples": lambda: model.predict_examples(unpack_strings(body)),
        "predict_columns": lambda: model.predict_columns(header.get("columns", {})),
    }
    ask = header.get("ask")
    if ask not in asks:
        known = ", ".join(asks)
        return {"error": f"asked for {ask!r}, expected {known}", "type": "RequestError"}, b""
    try:
        described, packed = pack_arrays(asks[ask]())
    except Exception as error:
        return _describe(error), b""
    return {"arrays": described}, packed


def _answer_once(options: argparse.Namespace, answers: TextIO, complaints: TextIO) -> int:
    try:
        columns = json.loads(_request(options.once))
        if not isinstance(columns, dict):
            raise TypeError('expected a JSON object of columns, such as {"origin": ["JFK"]}')
        predictions = _load(options).predict_columns(
            {name: value if isinstance(value, list) else [value] for name, value in columns.items()}
        )
    except Exception as error:
        described = _describe(error)
        complaints.write(f"error: {described['type']}: {described['error']}\n")
        complaints.flush()
        return 1
    _write_line(answers, {name: _plain(array.tolist()) for name, array in predictions.items()})
    return 0


def _request(once: str) -> str:
    """What `--once` names: standard input, a file, or the columns themselves."""
    if once == "-":
        return sys.stdin.read()
    return Path(once[1:]).read_text(encoding="utf-8") if once.startswith("@") else once


def _plain(value: Any) -> Any:
    """A value JSON has: it knows neither NaN nor bytes."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _describe(error: Exception) -> dict[str, str]:
    """As `describe_error` does, and a plain answer where TensorFlow itself did not import."""
    try:
        from taxiway.modeling.loaded_model import describe_error
    except Exception:
        return {"error": str(error)[:500] or "no message", "type": type(error).__name__}
    return describe_error(error)


def _write_line(stream: TextIO, message: Mapping[str, Any]) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()


def _end_with_parent(path: Path | None) -> None:
    """Ends this process when its parent ends, however that happens, and tidies up after it."""
    watched = select.poll()
    watched.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
    # The parent's other children may have inherited the pipe and would keep it open; where the
    # system has no pidfd, the pipe has to do.
    with contextlib.suppress(AttributeError, OSError):
        watched.register(os.pidfd_open(os.getppid()), select.POLLIN)

    def watch() -> None:
        watched.poll()
        with contextlib.suppress(OSError):
            if path is not None:
                path.unlink(missing_ok=True)
                path.parent.rmdir()  # which leaves a folder that holds anything else
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
