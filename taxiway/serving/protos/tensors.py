"""TensorFlow's TensorProto and numpy's arrays, each from the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.serving.protos.messages import TensorProto

STRING: Final = "string"
_BFLOAT16: Final = "bfloat16"


class TensorError(ValueError):
    """A tensor that is no array: not as it says, too large, or of a type that is not taken."""


@dataclass(frozen=True)
class _Type:
    """How a type is written.

    Args:
      number: of TensorFlow's enum DataType.
      field: of TensorProto that has its values.
      stored: numpy's type of one value in `tensor_content`, little-endian.
      bits: whether `field` has each value's bits as a whole number.
    """

    number: int
    field: str
    stored: str
    bits: bool = False


_TYPES: Final[Mapping[str, _Type]] = {
    "float32": _Type(1, "float_val", "<f4"),
    "float64": _Type(2, "double_val", "<f8"),
    "int32": _Type(3, "int_val", "<i4"),
    "uint8": _Type(4, "int_val", "<u1"),
    "int16": _Type(5, "int_val", "<i2"),
    "int8": _Type(6, "int_val", "<i1"),
    STRING: _Type(7, "string_val", "O"),
    "int64": _Type(9, "int64_val", "<i8"),
    "bool": _Type(10, "bool_val", "?"),
    _BFLOAT16: _Type(14, "half_val", "<u2", bits=True),
    "uint16": _Type(17, "int_val", "<u2"),
    "float16": _Type(19, "half_val", "<f2", bits=True),
    "uint32": _Type(22, "uint32_val", "<u4"),
    "uint64": _Type(23, "uint64_val", "<u8"),
}
_NAMES: Final = {kind.number: name for name, kind in _TYPES.items()}


def type_number(dtype: str) -> int:
    """Number of TensorFlow's enum DataType for its name of a type; 0, invalid, for another."""
    return _TYPES[dtype].number if dtype in _TYPES else 0


def type_name(number: int) -> str:
    """TensorFlow's name of a type for its number.

    Raises:
      TensorError: a type that is not taken.
    """
    if number not in _NAMES:
        raise TensorError(f"received type {number} of DataType; expected {', '.join(_TYPES)}")
    return _NAMES[number]


def decoded(tensor: Any, most_filled: int) -> npt.NDArray[Any]:
    """A tensor as an array: numbers of its type (bfloat16 as float32), strings as bytes objects.

    Where there are fewer values than the shape has room for, the last one is repeated, and where
    there is none it is 0, False or empty, as TensorFlow does.

    Args:
      tensor: a TensorProto.
      most_filled: values that an array may have which the message itself has not.

    Raises:
      TensorError: see there.
    """
    name = type_name(tensor.dtype)
    shape = _shape(tensor)
    size = math.prod(shape)
    flat = _flat(tensor, name)
    if len(flat) > size or (tensor.tensor_content and len(flat) != size):
        raise TensorError(f"received {len(flat)} values for a tensor of shape {list(shape)}")
    if len(flat) < size:
        if size > most_filled:
            raise TensorError(
                f"received {len(flat)} values for a tensor of shape {list(shape)}; "
                f"at most {most_filled} are filled up with the last one"
            )
        last = flat[-1] if len(flat) else (b"" if name == STRING else flat.dtype.type(0))
        flat = np.concatenate([flat, np.full(size - len(flat), last, dtype=flat.dtype)])
    return flat.reshape(shape)


def encoded(array: npt.NDArray[Any]) -> Any:
    """An array as a TensorProto, its values in the field of their type.

    Clients read those fields, so numbers do not go into `tensor_content`: nor do TensorFlow
    Serving's unless it is told to.

    Raises:
      TensorError: a type that is not taken.
    """
    name = STRING if array.dtype.kind in "OSU" else array.dtype.name
    if name not in _TYPES:
        raise TensorError(f"an array of {array.dtype}; expected {', '.join(_TYPES)}")
    kind = _TYPES[name]
    tensor = TensorProto(dtype=kind.number)
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    flat = np.ascontiguousarray(array).reshape(-1)
    if name == STRING:
        values = [item.encode() if isinstance(item, str) else bytes(item) for item in flat]
    else:
        values = (flat.view(np.uint16) if kind.bits else flat).tolist()
    getattr(tensor, kind.field).extend(values)
    return tensor


def _shape(tensor: Any) -> tuple[int, ...]:
    if tensor.tensor_shape.unknown_rank:
        raise TensorError("received a tensor of unknown rank; expected its shape")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if any(size < 0 for size in shape):
        raise TensorError(f"received a tensor of shape {list(shape)}; expected sizes from 0 on")
    return shape


def _flat(tensor: Any, name: str) -> npt.NDArray[Any]:
    kind = _TYPES[name]
    if name == STRING:
        if tensor.tensor_content:
            raise TensorError("received strings as tensor_content; expected string_val")
        strings = np.empty(len(tensor.string_val), dtype=object)
        strings[:] = list(tensor.string_val)
        return strings
    if tensor.tensor_content:
        stored = np.dtype(kind.stored)
        if len(tensor.tensor_content) % stored.itemsize:
            raise TensorError(
                f"received {len(tensor.tensor_content)} bytes of tensor_content; "
                f"expected a multiple of {stored.itemsize}, for {name}"
            )
        numbers = np.frombuffer(tensor.tensor_content, stored)
    else:
        numbers = _from_field(getattr(tensor, kind.field), name)
    if name == _BFLOAT16:  # the upper half of a float32
        return (numbers.astype("<u4") << 16).view("<f4")
    return numbers


def _from_field(values: Any, name: str) -> npt.NDArray[Any]:
    kind = _TYPES[name]
    if kind.bits:
        return (np.array(values, np.int64) & 0xFFFF).astype("<u2").view(kind.stored)
    stored = np.dtype(kind.stored)
    if stored.kind in "iu" and stored.itemsize < 4:  # which the field is wider than
        wide = np.array(values, np.int64)
        bounds = np.iinfo(stored)
        if len(wide) and not bounds.min <= wide.min() <= wide.max() <= bounds.max:
            raise TensorError(f"received a number in {kind.field} that no {name} can hold")
        return wide.astype(stored)
    return np.array(values, stored)
