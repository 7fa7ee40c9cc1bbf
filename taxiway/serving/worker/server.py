"""A model worker's socket: so many clients at once, each answered until it leaves."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taxiway.errors import TaxiwayError
from taxiway.serving.worker.sandbox import allow_processor_time

if TYPE_CHECKING:
    from taxiway.modeling.exported.loaded_model import LoadedModel

MOST_CONNECTIONS: Final = 32
FRAME_SECONDS: Final = 60.0
"""How long a client may take to send the rest of a request that it has begun, or to read."""

_BACKLOG: Final = 128
_STACK_BYTES: Final = 4 * 2**20  # which counts against the memory limit, for each connection


def listen(path: Path) -> socket.socket:
    """A unix socket that only this user may connect to."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener


class Server:
    """Answers clients on a socket.

    Args:
      listener: a listening socket.
      model: that answers.
      idle_seconds: after which a client that asks nothing is let go; 0 for never.
      processor_seconds: that may be used from one request to the next, see
        `taxiway.serving.worker.sandbox.allow_processor_time`.
    """

    def __init__(
        self,
        listener: socket.socket,
        model: LoadedModel,
        *,
        idle_seconds: float,
        processor_seconds: float,
    ) -> None:
        self._listener = listener
        self._model = model
        self._idle_seconds = idle_seconds
        self._processor_seconds = processor_seconds
        self._room = threading.Semaphore(MOST_CONNECTIONS)
        self._left = threading.Event()
        threading.stack_size(_STACK_BYTES)

    def run(self) -> None:
        """Takes connections for as long as the process runs."""
        while True:
            self.take()

    def take(self) -> None:
        """Takes one connection; one that there is no room for is told so."""
        try:
            connection, _ = self._listener.accept()
        except OSError:
            # No descriptors or no memory are left: the client waits until another one leaves.
            self._left.clear()
            self._left.wait(1.0)
            return
        if not self._room.acquire(blocking=False):
            most = f"this worker has {MOST_CONNECTIONS} connections, the most that it takes"
            _refuse(connection, f"{most}: close one, or try again later")
            return
        try:
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        except (RuntimeError, MemoryError):  # there can be no more threads
            self._room.release()
            _refuse(connection, "this worker has no room for another connection: try again later")

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):  # where the client has gone
                self._converse(connection)
        finally:
            self._room.release()
            self._left.set()

    def _converse(self, connection: socket.socket) -> None:
        """Answers one client until it leaves, is silent for long, or sends what is no request."""
        from taxiway.serving.worker.protocol import ProtocolError, receive_frame, send_frame

        try:
            while self._asks(connection):
                frame = receive_frame(connection, time.monotonic() + FRAME_SECONDS)
                if frame is None:
                    return
                allow_processor_time(self._processor_seconds)
                header, body = _answer(self._model, *frame)
                connection.settimeout(FRAME_SECONDS)
                try:
                    send_frame(connection, header, body)
                except ProtocolError as error:  # the answer is too large; nothing was sent
                    send_frame(connection, describe(error))
        except (ProtocolError, MemoryError) as error:
            send_frame(connection, describe(error))

    def _asks(self, connection: socket.socket) -> bool:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(self._idle_seconds * 1000 if self._idle_seconds else None))


def describe(error: BaseException) -> dict[str, str]:
    """As `describe_error` does; TensorFlow is not imported for an error that is none of its own."""
    kind = type(error).__name__
    if isinstance(error, TaxiwayError):
        return {"error": error.message, "type": kind, "edit": error.edit}
    if "tensorflow" not in sys.modules:
        return {"error": str(error)[:500] or "no message", "type": kind}
    try:
        from taxiway.modeling.exported.loaded_model import describe_error
    except Exception:  # it did not import to the end
        return {"error": str(error)[:500] or "no message", "type": kind}
    return describe_error(error)


def _refuse(connection: socket.socket, why: str) -> None:
    from taxiway.serving.worker.protocol import send_frame

    with connection, contextlib.suppress(OSError):
        send_frame(connection, {"error": why, "type": "BusyError"})


def _answer(
    model: LoadedModel, header: Mapping[str, Any], body: bytes
) -> tuple[dict[str, Any], bytes]:
    from taxiway.serving.worker.protocol import pack_arrays, unpack_arrays, unpack_strings

    asks: dict[str, Callable[[], Any]] = {
        "predict_examples": lambda: model.predict_examples(unpack_strings(body)),
        "predict_columns": lambda: model.predict_columns(
            {**header.get("columns", {}), **unpack_arrays(header.get("arrays", ()), body)}
        ),
    }
    ask = header.get("ask")
    if ask not in asks:
        known = ", ".join(asks)
        return {"error": f"asked for {ask!r}, expected {known}", "type": "RequestError"}, b""
    try:
        described, packed = pack_arrays(asks[ask]())
    except Exception as error:
        return describe(error), b""
    return {"arrays": described}, packed
