"""A point in time as people type it: an instant, or a whole day; with a zone, or local."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from taxiway.errors import ConfigError

FORMS: Final = "2026-03-01T12:00Z, 2026-03-01T13:00+01:00, 2026-03-01T12:00 (local), 2026-03-01"
_WRITTEN: Final = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<time>\d{2}:\d{2})(?::(?P<second>\d{2}(?:\.\d{1,6})?))?)?"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)


@dataclass(frozen=True)
class Moment:
    """From a start up to, and without, an end; both as `tables.now` writes times."""

    start: str
    end: str


def parse_moment(text: str, option: str = "--at") -> Moment:
    """What a text means: a time an instant, a date alone all of that day.

    Without a zone it is a time of this machine's zone (TZ).

    Args:
      text: one of `FORMS`; seconds may follow.
      option: as messages name what was given.

    Raises:
      ConfigError: it is no time, or one that the local clock shows twice or never, or has not come.
    """
    found = _WRITTEN.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError("it has another form")
        zone = (found["zone"] or "").replace("Z", "+0000").replace(":", "")
        begins = _begin(found, zone)
        day = None if found["time"] else begins + timedelta(days=1)
        start = _in_utc(begins, zone, text, option)
        end = _in_utc(day, zone, text, option) if day else start + timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"received '{text}', which is no time ({error}); expected such as {FORMS}", edit=option
        ) from None
    if start > datetime.now(timezone.utc):
        raise ConfigError(f"'{text}' is {_written(start)}, which has not come yet", edit=option)
    return Moment(_written(start), _written(end))


def _written(time: datetime) -> str:
    """As `tables.now`; a year has four digits, however early it is."""
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _begin(found: re.Match[str], zone: str) -> datetime:
    """The first instant that is meant, without a zone where none is named."""
    seconds, _, fraction = (found["second"] or "00").partition(".")
    text = f"{found['date']} {found['time'] or '00:00'}:{seconds}.{fraction or '0'}"
    read = datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f")
    return datetime.strptime(f"{text} {zone}", "%Y-%m-%d %H:%M:%S.%f %z") if zone else read


def _in_utc(time: datetime, zone: str, text: str, option: str) -> datetime:
    if zone:
        return time.astimezone(timezone.utc)
    first, second = (time.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1))
    if first != second:
        often = "twice" if first < second else "never"
        raise ConfigError(
            f"'{text}' comes {often} on the local clock, which is set forward or back then: add "
            "the zone, such as Z or +01:00",
            edit=option,
        )
    return first
