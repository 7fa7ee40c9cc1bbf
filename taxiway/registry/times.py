"""Times and durations as people write them on a command line."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta, timezone
from typing import Final

from taxiway.errors import ConfigError
from taxiway.registry.database.tables import TIME_FORMAT
from taxiway.registry.search.comparison import period

_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])", re.ASCII)
_HOURS: Final = {"h": 1, "d": 24, "w": 24 * 7}


def parse_duration(text: str) -> timedelta | None:
    """Hours, days or weeks: `12h`, `30d`, `8w`; None where it is written otherwise."""
    match = _DURATION.fullmatch(text)
    return timedelta(hours=int(match[1]) * _HOURS[match[2]]) if match else None


def parse_moment(text: str, option: str) -> str:
    """A time as the registry writes it.

    Args:
      text: as in filters, see `period`, of which the start counts (`2026-03-01`,
        `2026-03-01T12:00Z`), or how long ago (`12h`, `7d`, `2w`); empty stays empty.
      option: for the message, such as `--since`.

    Raises:
      ConfigError: it is written otherwise.
    """
    if not text:
        return ""
    ago, asked = parse_duration(text), period(text)
    with contextlib.suppress(OverflowError):
        moment = datetime.now(timezone.utc) - ago if ago else asked.start if asked else None
        if moment is not None and moment.year > 1000:  # years of four digits sort as text
            return moment.astimezone(timezone.utc).strftime(TIME_FORMAT)
    raise ConfigError(
        f"received the time {text[:40]!r}, expected such as 2026-03-01, 2026-03-01T12:00Z or 7d",
        edit=option,
    )
