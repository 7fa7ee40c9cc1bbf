"""tf.Examples to plain columns, without TensorFlow: the few fields of their wire format.

Example {Features features = 1}, Features {map<string, Feature> feature = 1}, Feature {oneof:
BytesList = 1, FloatList = 2, Int64List = 3}, each list with `repeated value = 1`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

_VARINT: Final = 0
_FIXED64: Final = 1
_LENGTH: Final = 2
_FIXED32: Final = 5
_SIGN: Final = 1 << 63
_LONGEST_VARINT: Final = 10
_KINDS: Final = {1: "bytes", 2: "float", 3: "int64"}


class NoExampleError(ValueError):
    """Bytes that are no tf.Example."""


def columns_of(examples: Sequence[bytes]) -> dict[str, list[Any]]:
    """Plain columns, one list of a value for each example; None is missing.

    A feature of one value is that value, of several a list; bytes are text where they are UTF-8.

    Raises:
      NoExampleError: one is no tf.Example.
    """
    columns: dict[str, list[Any]] = {}
    for row, example in enumerate(examples):
        for name, value in row_of(example).items():
            if name not in columns:
                columns[name] = [None] * len(examples)
            columns[name][row] = value
    return columns


def row_of(example: bytes) -> dict[str, Any]:
    """The features of one example.

    Raises:
      NoExampleError: it is none.
    """
    row = {}
    try:
        for features in _messages(example, 1):
            for entry in _messages(features, 1):
                name, feature = "", b""
                for number, _, value in _fields(entry):
                    if number == 1 and isinstance(value, bytes):
                        name = value.decode()
                    elif number == 2 and isinstance(value, bytes):
                        feature = value
                row[name] = _value(feature)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise NoExampleError(str(error)) from error
    return row


def _value(feature: bytes) -> Any:
    values: list[Any] = []
    for number, wire, content in _fields(feature):
        kind = _KINDS.get(number)
        if kind is None or wire != _LENGTH:
            continue
        values = list(_list(kind, content))  # of a oneof the last counts
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def _list(kind: str, content: bytes) -> Iterator[Any]:
    for number, wire, value in _fields(content):
        if number != 1:
            continue
        if kind == "bytes" and wire == _LENGTH:
            yield _text(value)
        elif kind == "float" and wire == _FIXED32:
            yield struct.unpack("<f", value)[0]
        elif kind == "float" and wire == _LENGTH:
            yield from (one for (one,) in struct.iter_unpack("<f", value))
        elif kind == "int64" and wire == _VARINT:
            yield _signed(value)
        elif kind == "int64" and wire == _LENGTH:
            at = 0
            while at < len(value):
                number_here, at = _varint(value, at)
                yield _signed(number_here)


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _signed(number: int) -> int:
    return number - (1 << 64) if number & _SIGN else number


def _messages(content: bytes, wanted: int) -> Iterator[bytes]:
    for number, wire, value in _fields(content):
        if number == wanted and wire == _LENGTH:
            yield value


def _fields(content: bytes) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each field: an int of a varint, else bytes."""
    at, end = 0, len(content)
    while at < end:
        tag, at = _varint(content, at)
        wire = tag & 7
        if wire == _VARINT:
            value: int | bytes
            value, at = _varint(content, at)
            yield tag >> 3, wire, value
            continue
        if wire == _LENGTH:
            size, at = _varint(content, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise NoExampleError(f"wire type {wire}")
        if at + size > end:
            raise NoExampleError("it ends within a field")
        yield tag >> 3, wire, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    for length in range(_LONGEST_VARINT):
        byte = content[at + length]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (2**64 - 1), at + length + 1
        shift += 7
    raise NoExampleError("a number of more than ten bytes")
