"""Tensors of the Open Inference Protocol: in JSON, and as the bytes of its binary extension."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.gateway.http.protocols.json_text import is_text, texts
from taxiway.terminal import one_line

BYTES: Final = "BYTES"
DATATYPES: Final[Mapping[str, str]] = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "string": BYTES,
}
"""By TensorFlow's name."""

_NUMBERS: Final = {
    datatype: np.dtype(name).newbyteorder("<")
    for name, datatype in DATATYPES.items()
    if datatype != BYTES
}
_LENGTH: Final = struct.Struct("<I")
_MOST_DIMENSIONS: Final = 2
_DEEPEST: Final = 8


def values_of(tensor: Mapping[str, Any], binary: bytes | None) -> list[Any]:
    """The rows of an input: a value each where its shape is [N] or [N, 1], else a list each.

    Text is str, or bytes where it is no UTF-8; None is a missing value.

    Args:
      tensor: of the request, with name, shape, datatype and (in JSON) data.
      binary: its bytes; None where it has data.

    Raises:
      Refusal: INVALID, parts that are missing or do not fit each other.
    """
    name = one_line(str(tensor.get("name"))[:80])
    shape, datatype = _shape(name, tensor.get("shape")), tensor.get("datatype")
    if datatype not in _NUMBERS and datatype != BYTES:
        known = ", ".join(DATATYPES.values())
        got = one_line(str(datatype)[:40])
        raise _refused(name, f"received datatype {got}; expected one of {known}")
    size = math.prod(shape)
    if binary is not None:
        flat = _strings(name, binary) if datatype == BYTES else _numbers(name, datatype, binary)
    else:
        flat = _flat(name, tensor.get("data"), size)
        if datatype == BYTES and _is_base64(tensor):
            flat = [_decoded(name, value) for value in flat]
    if len(flat) != size:
        raise _refused(name, f"received {len(flat):,} values; expected {size:,} by shape {shape}")
    if len(shape) == 1 or shape[1] == 1:
        return flat
    return [flat[at : at + shape[1]] for at in range(0, size, shape[1])]


def described(name: str, array: npt.NDArray[Any]) -> dict[str, Any]:
    """Name, datatype and shape of an output."""
    kind = "string" if is_text(array) else array.dtype.name
    return {"name": name, "datatype": DATATYPES.get(kind, "FP32"), "shape": list(array.shape)}


def data_of(array: npt.NDArray[Any]) -> Any:
    """An output's values in JSON, row after row."""
    return texts(array.ravel()) if is_text(array) else np.ascontiguousarray(array).ravel()


def bytes_of(array: npt.NDArray[Any]) -> bytes:
    """An output's values in the binary extension."""
    if is_text(array):
        items = [
            one.encode() if isinstance(one, str) else bytes(one) for one in array.ravel().tolist()
        ]
        return b"".join(part for one in items for part in (_LENGTH.pack(len(one)), one))
    if array.dtype.name not in DATATYPES:
        array = array.astype(np.float32)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def _shape(name: str, shape: Any) -> list[int]:
    is_one = type(shape) is list and 1 <= len(shape) <= _MOST_DIMENSIONS
    if not is_one or not all(type(size) is int and 1 <= size < 2**31 for size in shape):
        raise _refused(name, "expected a shape [N], [N, 1] or, of a column of lists, [N, M]")
    return list(shape)


def _numbers(name: str, datatype: Any, binary: bytes) -> list[Any]:
    dtype = _NUMBERS[datatype]
    if len(binary) % dtype.itemsize:
        raise _refused(name, f"received {len(binary)} bytes, which are no whole {datatype}s")
    array = np.frombuffer(binary, dtype)
    if dtype.kind == "f":
        found: list[Any] = array.astype(np.float64).tolist()
        return [None if value != value else value for value in found]  # NaN alone is not itself
    return list(array.tolist())


def _strings(name: str, binary: bytes) -> list[Any]:
    found: list[Any] = []
    at = 0
    while at < len(binary):
        start = at + _LENGTH.size
        if start > len(binary):
            raise _refused(name, "its bytes end within a length")
        at = start + _LENGTH.unpack_from(binary, at)[0]
        if at > len(binary):
            raise _refused(name, "its bytes end within a string")
        found.append(_text(binary[start:at]))
    return found


def _text(item: bytes) -> str | bytes:
    try:
        return item.decode()
    except UnicodeDecodeError:
        return item


def _flat(name: str, data: Any, size: int) -> list[Any]:
    """Data may be flat or nested by shape; lists are gone through without calling oneself."""
    if type(data) is not list:
        raise _refused(name, "expected data, as a list")
    for _ in range(_DEEPEST):
        if not any(type(value) is list for value in data):
            return list(data)
        if not all(type(value) is list for value in data):
            break
        data = [value for part in data for value in part]
        if len(data) > size:
            break
    raise _refused(name, "its data are nested otherwise than its shape says")


def _is_base64(tensor: Mapping[str, Any]) -> bool:
    parameters = tensor.get("parameters")
    return type(parameters) is dict and parameters.get("content_type") == "base64"


def _decoded(name: str, value: Any) -> str | bytes:
    try:
        return _text(base64.b64decode(value, validate=True))
    except (binascii.Error, TypeError, ValueError):
        raise _refused(name, "its data are no base64, as its content_type says") from None


def _refused(name: str, why: str) -> Refusal:
    return Refusal(Code.INVALID, f"input '{name}': {why}")
