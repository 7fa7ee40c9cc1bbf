"""What the fields of a FeatureSpec may be; each check raises a ConfigError that names the field."""

from __future__ import annotations

import itertools
import math
import struct
import unicodedata
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, NoReturn

from taxiway.errors import ConfigError, did_you_mean

LARGEST = 2**31 - 1
_SHOWN = 80


def shown(value: object) -> str:
    """A value as a message has it: not more than a line of it."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def check_name(what: str, field: str, value: Any) -> None:
    """A name that files, tf.Examples and requests can have."""
    if not isinstance(value, str) or not value.strip():
        _refuse(what, field, value, "the name of a column")
    if any(unicodedata.category(one) in ("Cc", "Cs") for one in value):
        _refuse(what, field, value, "a name without control characters, in UTF-8")


def check_whole(what: str, field: str, value: Any, least: int) -> None:
    """A whole number from `least` on."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        _refuse(what, field, value, "a whole number")
    if not least <= int(value) <= LARGEST:
        _refuse(what, field, value, f"a whole number from {least} to {LARGEST}")


def check_positive(what: str, field: str, value: Any) -> None:
    """A number above 0 that float32 has."""
    if not _is_float32(value) or not _float32(value) > 0:
        _refuse(what, field, value, "a number above 0")


def check_flag(what: str, field: str, value: Any) -> None:
    """True or False."""
    if not isinstance(value, bool):
        _refuse(what, field, value, "True or False")


def check_choice(what: str, field: str, value: Any, known: Sequence[str]) -> None:
    """One of a few words."""
    if value not in known:
        words = " or ".join(repr(word) for word in known)
        hint = did_you_mean(value, known) if isinstance(value, str) else ""
        _refuse(what, field, value, f"{words}{hint}")


def check_rising(what: str, field: str, value: Any) -> tuple[float, ...]:
    """Numbers that rise, still so as float32; gives them as a tuple."""
    if not isinstance(value, tuple | list) or not all(map(_is_float32, value)):
        _refuse(what, field, value, "a tuple of finite numbers, as in (1.0, 2.5)")
    rounded = [_float32(one) for one in value]
    if not value or not all(low < high for low, high in itertools.pairwise(rounded)):
        raise ConfigError(
            f"{what}: {field} must rise from one to the next, as float32 has them, "
            f"got {shown(value)}"
        )
    return tuple(value)


def check_all(what: str, field: str, value: Any, kind: type, example: str) -> tuple[Any, ...]:
    """A tuple whose items are of a kind; gives it as one where it is a list."""
    expected = f"a tuple of {'names' if kind is str else kind.__name__}, as in ({example},)"
    if not isinstance(value, tuple | list):
        _refuse(what, field, value, expected)
    for one in value:
        if not isinstance(one, kind):
            _refuse(what, field, one, expected, "has")
    return tuple(value)


def _is_float32(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(_float32(value))
    except OverflowError:
        return False


def _float32(value: Any) -> float:
    """As TensorFlow will have it; raises OverflowError."""
    return float(struct.unpack("f", struct.pack("f", float(value)))[0])


def _refuse(what: str, field: str, value: object, expected: str, verb: str = "is") -> NoReturn:
    raise ConfigError(f"{what}: {field} {verb} {shown(value)}, expected {expected}")
