"""Tensors of the Open Inference Protocol's gRPC: in fields of their types, or as raw bytes."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.serving.protos.tensors import TensorError
from taxiway.serving.requests.ask import Arrays
from taxiway.terminal import one_line

BYTES: Final = "BYTES"
# name of TensorFlow's -> datatype of the protocol, and the field of its values; FP16 is only raw
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "bool": ("BOOL", "bool_contents"),
    "uint8": ("UINT8", "uint_contents"),
    "uint16": ("UINT16", "uint_contents"),
    "uint32": ("UINT32", "uint_contents"),
    "uint64": ("UINT64", "uint64_contents"),
    "int8": ("INT8", "int_contents"),
    "int16": ("INT16", "int_contents"),
    "int32": ("INT32", "int_contents"),
    "int64": ("INT64", "int64_contents"),
    "float16": ("FP16", ""),
    "float32": ("FP32", "fp32_contents"),
    "float64": ("FP64", "fp64_contents"),
    "string": (BYTES, "bytes_contents"),
}
DATATYPES: Final = {name: datatype for name, (datatype, _) in _TYPES.items()}
"""By TensorFlow's name."""

_NAMES: Final = {datatype: name for name, datatype in DATATYPES.items()}
_LENGTH: Final = struct.Struct("<I")


def read_inputs(request: Any) -> Arrays:
    """The inputs of a ModelInferRequest by name: numbers of their type, strings as bytes objects.

    Raises:
      TensorError: they are not as they say.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise TensorError(
            f"received {len(raw)} raw_input_contents for {len(request.inputs)} inputs"
        )
    found: Arrays = {}
    for index, tensor in enumerate(request.inputs):
        name = one_line(tensor.name[:80])
        if tensor.name in found:
            raise TensorError(f"input '{name}' comes twice")
        try:
            found[tensor.name] = _read(tensor, raw[index] if raw else None)
        except TensorError as error:
            raise TensorError(f"input '{name}': {error}") from None
    return found


def write_outputs(response: Any, outputs: Arrays, *, raw: bool) -> None:
    """Puts outputs into a ModelInferResponse; all raw where one has no field for its type."""
    raw = raw or any(not _of(array)[1] for array in outputs.values())
    for name, array in outputs.items():
        datatype, field = _of(array)
        if not datatype:  # a type that the protocol has not
            array, (datatype, field) = array.astype(np.float32), _TYPES["float32"]
        tensor = response.outputs.add(name=name, datatype=datatype, shape=array.shape)
        if raw:
            response.raw_output_contents.append(_raw(array, datatype))
        else:
            flat = array.reshape(-1)
            values = _strings(flat) if datatype == BYTES else flat.tolist()
            getattr(tensor.contents, field).extend(values)


def _of(array: npt.NDArray[Any]) -> tuple[str, str]:
    return _TYPES.get("string" if array.dtype.kind in "OSU" else array.dtype.name, ("", ""))


def _read(tensor: Any, raw: bytes | None) -> npt.NDArray[Any]:
    if tensor.datatype not in _NAMES:
        got = one_line(tensor.datatype[:40])
        raise TensorError(f"received datatype {got}; expected one of {', '.join(_NAMES)}")
    shape = tuple(tensor.shape)
    if any(size < 0 for size in shape):
        raise TensorError(f"received shape {list(shape)}; expected sizes from 0 on")
    name = _NAMES[tensor.datatype]
    flat = _from_fields(tensor, name) if raw is None else _from_raw(raw, name)
    if len(flat) != math.prod(shape):
        raise TensorError(
            f"received {len(flat):,} values; expected {math.prod(shape):,} by shape {list(shape)}"
        )
    return flat.reshape(shape)


def _from_fields(tensor: Any, name: str) -> npt.NDArray[Any]:
    field = _TYPES[name][1]
    if not field:
        raise TensorError("FP16 comes as raw_input_contents, for it has no field of its own")
    values = getattr(tensor.contents, field)
    if name == "string":
        return _objects(list(values))
    dtype = np.dtype(name)
    wide = np.array(values, np.int64) if dtype.kind in "iu" and dtype.itemsize < 4 else None
    if wide is None:
        return np.array(values, dtype)
    bounds = np.iinfo(dtype)
    if len(wide) and not bounds.min <= wide.min() <= wide.max() <= bounds.max:
        raise TensorError(f"received a number that no {tensor.datatype} can hold")
    return wide.astype(dtype)


def _from_raw(raw: bytes, name: str) -> npt.NDArray[Any]:
    if name == "string":
        return _objects(_split(raw))
    dtype = np.dtype(name).newbyteorder("<")
    if len(raw) % dtype.itemsize:
        raise TensorError(f"received {len(raw)} bytes, which are no whole {DATATYPES[name]}s")
    return np.frombuffer(raw, dtype)


def _split(raw: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(raw):
        start = at + _LENGTH.size
        if start > len(raw):
            raise TensorError("its bytes end within a length")
        at = start + _LENGTH.unpack_from(raw, at)[0]
        if at > len(raw):
            raise TensorError("its bytes end within a string")
        found.append(raw[start:at])
    return found


def _raw(array: npt.NDArray[Any], datatype: str) -> bytes:
    if datatype == BYTES:
        parts = [(_LENGTH.pack(len(one)), one) for one in _strings(array.reshape(-1))]
        return b"".join(part for both in parts for part in both)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def _strings(flat: npt.NDArray[Any]) -> list[bytes]:
    return [one.encode() if isinstance(one, str) else bytes(one) for one in flat.tolist()]


def _objects(values: list[bytes]) -> npt.NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
