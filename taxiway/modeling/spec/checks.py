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
        refuse(what, field, value, "the name of a column")
    if any(unicodedata.category(one) in ("Cc", "Cs") for one in value):
        refuse(what, field, value, "a name without control characters, in UTF-8")


def check_whole(what: str, field: str, value: Any, least: int, most: int = LARGEST) -> None:
    """A whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        refuse(what, field, value, "a whole number")
    if not least <= int(value) <= most:
        refuse(what, field, value, f"a whole number from {least} to {most}")


def check_positive(what: str, field: str, value: Any) -> None:
    """A number above 0 that float32 has."""
    if not _is_float32(value) or not _float32(value) > 0:
        refuse(what, field, value, "a number above 0")


def check_number(what: str, field: str, value: Any, expected: str = "a finite number") -> None:
    """A number that float32 has."""
    if not _is_float32(value):
        refuse(what, field, value, expected)


def check_flag(what: str, field: str, value: Any) -> None:
    """True or False."""
    if not isinstance(value, bool):
        refuse(what, field, value, "True or False")


def check_choice(what: str, field: str, value: Any, known: Sequence[str], other: str = "") -> None:
    """One of a few words; `other` says what else there may be, for the message."""
    if not isinstance(value, str) or value not in known:
        words = " or ".join([*(repr(word) for word in known), *([other] if other else [])])
        hint = did_you_mean(value, known) if isinstance(value, str) else ""
        refuse(what, field, value, f"{words}{hint}")


def check_rising(what: str, field: str, value: Any) -> tuple[float, ...]:
    """Numbers that rise, still so as float32; gives them as a tuple."""
    if not isinstance(value, tuple | list) or not all(map(_is_float32, value)):
        refuse(what, field, value, "a tuple of finite numbers, as in (1.0, 2.5)")
    rounded = [_float32(one) for one in value]
    if not value or not all(low < high for low, high in itertools.pairwise(rounded)):
        raise ConfigError(
            f"{what}: {field} must rise from one to the next, as float32 has them, "
            f"got {shown(value)}"
        )
    return tuple(value)


def check_all(
    what: str, field: str, value: Any, kinds: Sequence[type], example: str
) -> tuple[Any, ...]:
    """A tuple whose items are of some kinds; gives it as one where it is a list."""
    words: dict[tuple[type, ...], str] = {(str,): "names", (str, int): "names or whole numbers"}
    of = words.get(tuple(kinds), "columns")
    expected = f"a tuple of {of}, as in ({example},)"
    if not isinstance(value, tuple | list):
        refuse(what, field, value, expected)
    for one in value:
        if not isinstance(one, tuple(kinds)) or isinstance(one, bool):
            refuse(what, field, one, expected, "has")
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


def refuse(what: str, field: str, value: object, expected: str, verb: str = "is") -> NoReturn:
    """Raises the ConfigError that says which field is what, and what was expected."""
    raise ConfigError(f"{what}: {field} {verb} {shown(value)}, expected {expected}")
