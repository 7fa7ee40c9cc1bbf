"""Comparisons of values in searches: numbers as numbers, times as times, all else as text."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from taxiway.registry.search.text import folded

Scalar = str | int | float | bool
Value = Scalar | Sequence[str] | None
"""Of a field: None where it is missing; of several texts, one that satisfies is enough."""
Order = Callable[[Any, Any], bool]

ORDERS: Final[dict[str, Order]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""Every operator but `~`."""
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DIGITS: Final = re.compile(r"[0-9]+|[^0-9]+")
_DATE: Final = re.compile(
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})"
    r"([Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2})"
    r"(?P<fraction>\.[0-9]{1,6})?)?(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_LENGTHS: Final = {
    "fraction": timedelta(microseconds=1),
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "day": timedelta(days=1),
}
"""How long a time lasts that is given to this part."""


@dataclass(frozen=True)
class Period:
    """What a time as people write it stands for: from `start` to before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Wanted:
    """The right side of a comparison, and all that it can be read as.

    Args:
      text: folded.
      number: where it reads as one.
      period: where it reads as a time.
      quoted: a text in quotes is no number to a field that is text.
    """

    text: str
    number: float | None
    period: Period | None
    quoted: bool

    @classmethod
    def of(cls, text: str, quoted: bool = False) -> Wanted:
        """From what stands in a filter."""
        return cls(folded(text), _number(text), period(text), quoted)


def compare(actual: Value, name: str, wanted: Wanted) -> bool:
    """Whether a value satisfies a comparison; one that is missing satisfies none.

    Args:
      actual: the value.
      name: one of `ORDERS`, or `~`.
      wanted: the right side.
    """
    if actual is None:
        return False
    if isinstance(actual, bool):
        return _as_text(str(actual), name, wanted)
    if isinstance(actual, (int, float)):
        if name == "~":
            return wanted.text in format(actual, "g")
        return wanted.number is not None and ORDERS[name](actual, wanted.number)
    if isinstance(actual, str):
        return _as_text(actual, name, wanted)
    return any(_as_text(one, name, wanted) for one in actual)


def period(text: str) -> Period | None:
    """A year, a month, a day, a minute, a second or a part of it, UTC unless it says otherwise."""
    found = _DATE.fullmatch(text)
    if not found:
        return None
    part = found.groupdict()
    year, month, day = (int(part[name] or 1) for name in ("year", "month", "day"))
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
    try:
        start = datetime(year, month, day, hour, minute, second, tzinfo=_zone(part["zone"]))
        start += timedelta(seconds=float(part["fraction"] or 0))
        return Period(start, _end(start, part))
    except (ValueError, OverflowError):
        return None


def is_no_date(text: str) -> bool:
    """Whether a text is written as a date and is none, such as 2026-02-30."""
    found = _DATE.fullmatch(text)
    return found is not None and found["month"] is not None and period(text) is None


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key by which digits are ordered as numbers: 1.9.0 comes before 1.10.0."""
    key = []
    for part in _DIGITS.findall(text):
        if part[0] in "0123456789":
            digits = part.lstrip("0")
            key.append((0, len(digits), digits))
        else:
            key.append((1, 0, part))
    return key


def _as_text(actual: str, name: str, wanted: Wanted) -> bool:
    if name == "~":
        return wanted.text in folded(actual)
    order = ORDERS[name]
    if wanted.period is not None and (moment := _moment(actual)) is not None:
        return _in_time(moment, name, wanted.period)
    number = None if wanted.number is None or wanted.quoted else _number(actual)
    if number is not None:
        return order(number, wanted.number)
    text = folded(actual)
    other = wanted.text
    return order((natural(text), text), (natural(other), other))


def _in_time(moment: datetime, name: str, wanted: Period) -> bool:
    """Before, within or after a period."""
    if name == "=":
        return wanted.start <= moment < wanted.end
    if name in ("<", ">="):
        return ORDERS[name](moment, wanted.start)
    return moment < wanted.end if name == "<=" else moment >= wanted.end


def _moment(text: str) -> datetime | None:
    """A time to the second, or to a part of it; None for all else."""
    if len(text) < len("2026-03-01T12:00Z") or text[4] != "-":
        return None
    found = period(text)
    return found.start if found else None


def _number(text: str) -> float | None:
    found = float(text) if _NUMBER.fullmatch(text) else None
    return found if found is not None and math.isfinite(found) else None


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return timezone.utc
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _end(start: datetime, part: dict[str, Any]) -> datetime:
    """Of the finest part that is given."""
    for name, length in _LENGTHS.items():
        if part[name]:
            return start + length
    if part["month"]:
        month = start.year * 12 + start.month
        return start.replace(year=month // 12, month=month % 12 + 1)
    return start.replace(year=start.year + 1)
