"""Serialized tf.Examples from plain values, without TensorFlow.

The wire format of three messages is all there is to it (tensorflow/core/example/example.proto and
feature.proto): an Example has Features (field 1), those a map (field 1) from a name to a Feature,
which has a list of bytes (1), floats (2, packed) or int64 (3, packed).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from taxiway.access.refusal import Code, Refusal
from taxiway.terminal import one_line

_BYTES, _FLOATS, _INT64S = 1, 2, 3
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def serialized_example(features: Mapping[str, Any]) -> bytes:
    """One tf.Example, in the order of the mapping.

    Args:
      features: a value, or a list of one kind: text or bytes, whole numbers or booleans, or other
        numbers. None is a feature without values.

    Raises:
      Refusal: INVALID, values of several kinds, or that no feature can hold.
    """
    entries = []
    for name, value in features.items():
        feature = _feature(name, [] if value is None else _listed(value))
        entries.append(_field(1, _field(1, name.encode()) + _field(2, feature)))
    return _field(1, b"".join(entries))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _feature(name: str, values: Sequence[Any]) -> bytes:
    kinds = {_kind(name, value) for value in values}
    if len(kinds) > 1:
        raise Refusal(
            Code.INVALID,
            f"feature '{_short(name)}': received values of several kinds; expected all strings, "
            "all whole numbers, or all numbers with a decimal point",
        )
    if not kinds:
        return b""
    kind = kinds.pop()
    return _field(kind, _lists[kind](name, values))


def _kind(name: str, value: Any) -> int:
    if isinstance(value, str | bytes):
        return _BYTES
    if isinstance(value, int):
        return _INT64S
    if isinstance(value, float):
        return _FLOATS
    raise Refusal(
        Code.INVALID,
        f"feature '{_short(name)}': received a {type(value).__name__}; expected strings or numbers",
    )


def _bytes_list(_: str, values: Sequence[Any]) -> bytes:
    return b"".join(
        _field(1, value if isinstance(value, bytes) else value.encode()) for value in values
    )


def _float_list(name: str, values: Sequence[Any]) -> bytes:
    try:
        return _field(1, struct.pack(f"<{len(values)}f", *values))
    except OverflowError:
        raise Refusal(
            Code.INVALID, f"feature '{_short(name)}': received a number that no float32 can hold"
        ) from None


def _int64_list(name: str, values: Sequence[Any]) -> bytes:
    if not all(_LOWEST <= value <= _HIGHEST for value in values):
        raise Refusal(
            Code.INVALID, f"feature '{_short(name)}': received a number that no int64 can hold"
        )
    return _field(1, b"".join(_varint(value & (2**64 - 1)) for value in values))


_lists = {_BYTES: _bytes_list, _FLOATS: _float_list, _INT64S: _int64_list}


def _field(number: int, payload: bytes) -> bytes:
    """A field whose value has its length before it: text, a message, or packed numbers."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _short(name: str) -> str:
    return one_line(name[:80])
