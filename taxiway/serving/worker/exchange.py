"""What a client of a model worker makes of its requests and of the answers."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from taxiway.serving.worker.errors import WorkerError
from taxiway.serving.worker.protocol import Arrays, ProtocolError, send_frame, unpack_arrays


def plain_list(values: Any) -> list[Any]:
    """A list of Python's own values, from a list, a tuple or a numpy array."""
    return list(values.tolist() if hasattr(values, "tolist") else values)


def send(connection: socket.socket, header: Mapping[str, Any], body: bytes) -> None:
    """Writes a request.

    Raises:
      WorkerError: `bad_request`, it is none that can be sent, and nothing of it was.
    """
    try:
        send_frame(connection, header, body)
    except (ProtocolError, TypeError) as error:  # nothing was sent yet
        raise WorkerError(f"a request that cannot be sent: {error}", reason="bad_request") from None


def answered(header: Mapping[str, Any], body: bytes) -> Arrays:
    """The outputs in a frame.

    Raises:
      WorkerError: `bad_request` or `model_error`, the frame says why there are none.
      ProtocolError: the frame is not as it says.
    """
    if "arrays" in header:
        return unpack_arrays(header["arrays"], body)
    kind = str(header.get("type"))
    raise WorkerError(
        f"{kind}: {header.get('error')}",
        reason="bad_request" if kind == "RequestError" else "model_error",
        kind=kind,
    )
