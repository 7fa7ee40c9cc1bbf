"""Times and durations as people write them on a command line."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta, timezone
from typing import Final

from taxiway.errors import ConfigError
from taxiway.registry.database.tables import TIME_FORMAT

_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])", re.ASCII)
_HOURS: Final = {"h": 1, "d": 24, "w": 24 * 7}


def parse_duration(text: str) -> timedelta | None:
    """Hours, days or weeks: `12h`, `30d`, `8w`; None where it is written otherwise."""
    match = _DURATION.fullmatch(text)
    return timedelta(hours=int(match[1]) * _HOURS[match[2]]) if match else None


def parse_moment(text: str, option: str) -> str:
    """A time as the registry writes it.

    Args:
      text: ISO 8601, UTC where it names no zone (`2026-03-01`, `2026-03-01T12:00Z`), or how long
        ago (`12h`, `7d`, `2w`); empty stays empty.
      option: for the message, such as `--since`.

    Raises:
      ConfigError: it is written otherwise.
    """
    if not text:
        return ""
    with contextlib.suppress(ValueError, OverflowError):
        ago = parse_duration(text)
        if ago is not None:
            moment = datetime.now(timezone.utc) - ago
        else:
            moment = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        moment = moment.astimezone(timezone.utc)
        if moment.year > 1000:  # years of four digits sort as text
            return moment.strftime(TIME_FORMAT)
    raise ConfigError(
        f"received the time {text[:40]!r}, expected such as 2026-03-01, 2026-03-01T12:00Z or 7d",
        edit=option,
    )
