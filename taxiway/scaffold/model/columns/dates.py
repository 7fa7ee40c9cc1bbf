"""Text that means a day or a moment, in the forms in which files have them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from taxiway.modeling.spec.columns.times import ISO as TIMESTAMP

TIMES: Final = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
DAYS: Final = (
    *("%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y"),
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y"),
)
NAMED: Final = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y")
FORMATS: Final = tuple(f"{day}{time}" for day in (*DAYS, *NAMED) for time in TIMES)
ISO: Final = "ISO 8601"
UTC: Final = "ISO 8601 and UTC"
"""As BigQuery and Python write it; Timestamp knows Z."""
COMPACT: Final = "%Y%m%d"
_COMPACT: Final = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True)
class DateForm:
    """How the moments of a column are written."""

    format: str
    """Of strptime, or ISO."""
    other: str = ""
    """Another format that fits every cell as well: the day and the month cannot be told apart."""

    def as_iso(self, text: str | None) -> str | None:
        """The moment as ISO 8601 has it; None where there is none."""
        if text is None or self.format == ISO:
            return text
        if self.format == UTC:
            return f"{text.strip().removesuffix('UTC').rstrip()}Z"
        moment = _parsed(text, self.format)
        if moment is None:
            return None
        return (
            moment.isoformat() if "%H" in self.format or "%I" in self.format else str(moment.date())
        )


def find_form(words: Sequence[str]) -> DateForm | None:
    """The format that every one of these has, if there is one.

    Args:
      words: the different cells of a column.
    """
    if not words:
        return None
    if all(_is_iso(word) for word in words):
        return DateForm(ISO)
    if all(_is_iso(word.strip().removesuffix("UTC")) for word in words):
        return DateForm(UTC)
    if not all(re.search(r"\d", word) and len(word) < 40 for word in words[:100]):
        return None
    fitting = [one for one in FORMATS if all(_parsed(word, one) for word in words[:20])]
    fitting = [one for one in fitting if all(_parsed(word, one) for word in words)]
    return DateForm(fitting[0], fitting[1] if len(fitting) > 1 else "") if fitting else None


def are_compact_days(words: Sequence[str]) -> bool:
    """Whether whole numbers are days, such as 20201231."""
    return bool(words) and all(
        _COMPACT.fullmatch(word.strip()) and _parsed(word, COMPACT) for word in words
    )


def _is_iso(text: str) -> bool:
    """What `Timestamp` reads, with a day that there is."""
    if not re.fullmatch(TIMESTAMP, text):
        return False
    return _parsed(text.strip()[:10].replace("/", "-"), "%Y-%m-%d") is not None


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), form)  # files seldom say a zone
    except ValueError:
        return None
