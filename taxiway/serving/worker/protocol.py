"""Frames between a model worker and its clients: a JSON header, then the bytes it describes.

A frame is `header length (4 bytes) | body length (8 bytes) | header | body`, lengths big-endian.
Nothing in it is ever unpickled: numbers travel as their raw memory, strings with their lengths.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_HEADER_BYTES = 64 * 2**20
MAX_BODY_BYTES = 512 * 2**20

_LENGTHS = struct.Struct(">IQ")
LENGTHS_BYTES = _LENGTHS.size
_ITEM = struct.Struct(">I")
_NUMBER_KINDS = "biuf"

Arrays = dict[str, npt.NDArray[Any]]


class ProtocolError(Exception):
    """A frame that is too large, cut short, or not a frame at all."""


def send_frame(connection: socket.socket, header: Mapping[str, Any], body: bytes = b"") -> None:
    """Writes one frame.

    Raises:
      ProtocolError: the frame is larger than the other side takes; nothing was sent.
    """
    connection.sendall(frame_start(json.dumps(header).encode(), len(body)))
    connection.sendall(body)


def receive_frame(
    connection: socket.socket, deadline: float = math.inf
) -> tuple[dict[str, Any], bytes] | None:
    """Reads one frame; None where the other side has closed between two frames.

    Args:
      connection: a connected socket.
      deadline: `time.monotonic()` after which waiting ends, for the frame as a whole.

    Raises:
      ProtocolError: the frame is too large, cut short, or no JSON object leads it.
      TimeoutError: the deadline has passed.
    """
    lengths = _receive_exactly(connection, _LENGTHS.size, deadline, may_end=True)
    if not lengths:
        return None
    head_length, body_length = frame_lengths(lengths)
    head = _receive_exactly(connection, head_length, deadline)
    body = _receive_exactly(connection, body_length, deadline)
    return frame_header(head), body


def frame_start(head: bytes, body_bytes: int) -> bytes:
    """A frame up to its body: the lengths, and the header.

    Raises:
      ProtocolError: the frame is larger than the other side takes.
    """
    _check_lengths(len(head), body_bytes)
    return _LENGTHS.pack(len(head), body_bytes) + head


def frame_lengths(start: bytes | bytearray) -> tuple[int, int]:
    """Bytes of the header and of the body, from a frame's first LENGTHS_BYTES.

    Raises:
      ProtocolError: they are more than a frame may have.
    """
    head, body = _LENGTHS.unpack_from(start)
    _check_lengths(head, body)
    return head, body


def frame_header(head: bytes) -> dict[str, Any]:
    """The header as it was sent.

    Raises:
      ProtocolError: no JSON object.
    """
    try:
        header = json.loads(head)
    except ValueError as error:
        raise ProtocolError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ProtocolError(f"the header is a {type(header).__name__}, not an object")
    return header


def pack_strings(items: Sequence[bytes]) -> bytes:
    """Byte strings, each after its length."""
    return b"".join(part for item in items for part in (_ITEM.pack(len(item)), item))


def unpack_strings(body: bytes) -> list[bytes]:
    """Undoes `pack_strings`.

    Raises:
      ProtocolError: the body ends in the middle of an item.
    """
    items = []
    at = 0
    while at < len(body):
        start = at + _ITEM.size
        if start > len(body):
            raise ProtocolError("the body ends in the middle of a length")
        at = start + _ITEM.unpack_from(body, at)[0]
        if at > len(body):
            raise ProtocolError("the body ends in the middle of a string")
        items.append(body[start:at])
    return items


def pack_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[list[dict[str, Any]], bytes]:
    """Arrays as a description for the header, and a body.

    Raises:
      ProtocolError: an array holds neither numbers nor byte strings.
    """
    described, parts = [], []
    for name, array in arrays.items():
        if array.dtype.kind in _NUMBER_KINDS:
            part, dtype = np.ascontiguousarray(array).tobytes(), array.dtype.str
        elif array.dtype.kind in "OS":
            part, dtype = pack_strings([bytes(item) for item in array.ravel()]), "bytes"
        else:
            raise ProtocolError(f"output '{name}' has dtype {array.dtype}, which cannot be sent")
        described.append(
            {"name": name, "dtype": dtype, "shape": list(array.shape), "bytes": len(part)}
        )
        parts.append(part)
    return described, b"".join(parts)


def unpack_arrays(described: Sequence[Mapping[str, Any]], body: bytes) -> Arrays:
    """Undoes `pack_arrays`.

    Raises:
      ProtocolError: description and body do not agree.
    """
    arrays: Arrays = {}
    at = 0
    try:
        for one in described:
            part = body[at : at + int(one["bytes"])]
            at += int(one["bytes"])
            arrays[str(one["name"])] = _array(str(one["dtype"]), one["shape"], part)
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"arrays that do not match their description: {error}") from error
    return arrays


def _array(dtype: str, shape: Sequence[int], part: bytes) -> npt.NDArray[Any]:
    if dtype == "bytes":
        items = np.empty(math.prod(shape), dtype=object)
        items[:] = unpack_strings(part)
        return items.reshape(tuple(shape))
    if np.dtype(dtype).kind not in _NUMBER_KINDS:
        raise ValueError(f"dtype {dtype!r}")
    return np.frombuffer(part, dtype=np.dtype(dtype)).reshape(tuple(shape))


def _check_lengths(head: int, body: int) -> None:
    if head > MAX_HEADER_BYTES or body > MAX_BODY_BYTES:
        raise ProtocolError(
            f"{head + body:,} bytes in one message; the bounds are {MAX_HEADER_BYTES:,} of JSON "
            f"and {MAX_BODY_BYTES:,} of data: send fewer rows at once"
        )


def _receive_exactly(
    connection: socket.socket, length: int, deadline: float, may_end: bool = False
) -> bytes:
    received = bytearray()
    while len(received) < length:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left if math.isfinite(left) else None)
        chunk = connection.recv(min(length - len(received), 2**20))
        if not chunk:
            if may_end and not received:
                return b""
            raise ProtocolError("the connection ended in the middle of a message")
        received += chunk
    return bytes(received)
