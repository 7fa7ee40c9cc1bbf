"""What plain columns may hold, and the arrays they are as inputs of a signature.

One source of these rules: the gateway checks a request by them before it joins others, and the
worker makes tensors by them. So there is no TensorFlow here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.errors import did_you_mean

STRING: Final = "string"
"""TensorFlow's name of the type of texts; those of numbers are numpy's too."""

_NONE = type(None)
_FLOATS = ("float16", "float32", "float64")
_AT_ONCE: Final[Mapping[str, frozenset[type]]] = {
    STRING: frozenset({str, _NONE}),
    **dict.fromkeys(_FLOATS, frozenset({float, int, bool, _NONE})),
}
"""By dtype, the types of Python whose values all are what the column takes."""


class RequestError(ValueError):
    """A request the signature cannot take: the caller's fault, not the model's."""


def accepted_types(dtype: str, *, lists: bool) -> frozenset[type]:
    """Types of which any value will do, so that only others need a look; empty where all do."""
    return frozenset() if lists else _AT_ONCE.get(dtype, frozenset())


def may_be_missing(dtype: str) -> bool:
    """Whether the type has a value for what is missing."""
    return dtype in _AT_ONCE


def row_count(columns: Mapping[str, Any]) -> int:
    """How many rows there are.

    Raises:
      RequestError: no column, one that is no list, or lists of different lengths.
    """
    for name, values in columns.items():
        if not isinstance(values, list | np.ndarray):
            raise RequestError(
                f"column '{name}': received a {type(values).__name__}, expected a list of values"
            )
    lengths = {name: len(values) for name, values in columns.items()}
    if not lengths:
        raise RequestError("no column was given; at least one says how many rows there are")
    if len(set(lengths.values())) > 1:
        raise RequestError(f"columns of different lengths: {lengths}")
    return next(iter(lengths.values()))


def check_known(columns: Iterable[str], inputs: Iterable[str]) -> None:
    """Refuses a column that the signature does not have.

    Raises:
      RequestError: with the name that it may be meant to be.
    """
    known = set(inputs)
    for name in columns:
        if name not in known:
            raise RequestError(f"unknown column '{name}'{did_you_mean(name, sorted(known))}")


def as_array(name: str, values: list[Any], dtype: str, *, lists: bool = False) -> npt.NDArray[Any]:
    """A column as the array of its input: what is missing is NaN, or no bytes.

    Args:
      name: for errors.
      values: one a row; None is missing.
      dtype: TensorFlow's name of the input's type.
      lists: whether a row's value is a list, of any length. Shorter ones are filled up with what is
        missing, None is an empty one, and what is no list is one of it alone.

    Returns:
      The array, [N] or [N, M]; texts are an array of bytes objects.

    Raises:
      RequestError: a value of a wrong type, or a missing one that the type cannot express.
    """
    try:
        if lists:
            return _lists(values, dtype)
        if _AT_ONCE.get(dtype, frozenset()).issuperset(map(type, values)):
            return _at_once(values, dtype)
        return _array([_converted(value, dtype) for value in values], dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestError(f"column '{name}' ({dtype}): {error}") from error


def _at_once(values: list[Any], dtype: str) -> npt.NDArray[Any]:
    if dtype == STRING:
        return _array([b"" if value is None else value.encode() for value in values], dtype)
    return _array(values, dtype)  # numpy's NaN for None too


def _lists(values: list[Any], dtype: str) -> npt.NDArray[Any]:
    rows = [
        [] if value is None else value if isinstance(value, list) else [value] for value in values
    ]
    width = max([1, *map(len, rows)])
    flat = [
        _converted(value, dtype) for row in rows for value in (*row, *[None] * (width - len(row)))
    ]
    return _array(flat, dtype).reshape(len(rows), width)


def _array(values: list[Any], dtype: str) -> npt.NDArray[Any]:
    with np.errstate(over="ignore"):  # beyond float32 it is infinite, as in a tensor
        if dtype == STRING:
            array = np.empty(len(values), dtype=object)
            array[:] = values
            return array
        return np.array(values, dtype=np.dtype(dtype))


def _converted(value: Any, dtype: str) -> Any:
    convert: Callable[[Any, str], Any] = _to_bytes if dtype == STRING else _to_number
    return convert(value, dtype)


def _to_bytes(value: Any, _: str) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise TypeError(f"received {value!r}, expected a string or null")
    return value.encode()


def _to_number(value: Any, dtype: str) -> float | int:
    if value is None:
        if dtype not in _FLOATS:
            raise ValueError("a value is missing, and whole numbers have no value for that")
        return math.nan
    if not isinstance(value, int | float):
        raise TypeError(f"received {value!r}, expected a number or null")
    if dtype in _FLOATS:
        return float(value)  # true and false too: categories of booleans are 1 and 0
    return _boolean(value) if dtype == "bool" else _whole(value, dtype)


def _boolean(value: float) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"received {value!r}, expected true or false")
    return value


def _whole(value: float, dtype: str) -> int:
    if value != int(value):
        raise ValueError(f"received {value!r}, expected a whole number")
    bounds = np.iinfo(dtype)
    if not bounds.min <= value <= bounds.max:
        raise OverflowError(f"received {value!r}, expected one from {bounds.min} to {bounds.max}")
    return int(value)
