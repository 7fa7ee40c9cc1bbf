"""Times: what hour, weekday or month it was, and how long that is ago."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import ClassVar, Final, Literal, get_args

from taxiway.modeling.spec.checks import check_choice, check_name, refuse
from taxiway.modeling.spec.columns.base import WORDS, Output, Role

Part = Literal["hour", "weekday", "day", "month"]
PARTS: Final[dict[str, int]] = {"hour": 24, "weekday": 7, "day": 31, "month": 12}
"""How many of each there are."""
TimeEncoding = Literal["cyclic", "one_hot"]
Clock = Literal["local", "utc"]
Unit = Literal["s", "ms", "us"]
ISO: Final = (
    r"\s*([0-9]{4})[-/](0[1-9]|1[0-2])[-/](0[1-9]|[12][0-9]|3[01])"
    r"(?:[Tt ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]|60)(?:[.,][0-9]+)?)?"
    r"(?:\s*[Zz]|\s*([+-])([01][0-9]|2[0-3]):?([0-5][0-9])?)?)?\s*"
)
"""A date, or a date and a time, with a zone or without; for RE2 as for Python."""
AGE_CLIP: Final = 5.0


@dataclass(frozen=True)
class Timestamp(Role):
    """A date or a time: ISO 8601 in a column of BYTES, or seconds since 1970 (UTC) in one of INT.

    BYTES are `2013-01-31`, `2013-01-31 05:30`, `2013-01-31T05:30:00.5Z`, `...+02:00`; also dates
    and timestamps of Parquet, which are read as such text (those with a zone in UTC). Anything else
    counts as missing, and so does a day that no calendar has. INT are seconds, or what `unit` says;
    a date or timestamp of Parquet in a column of INT becomes seconds.

    Each of `parts` becomes a point on a circle, so that 23 and 0 o'clock are neighbours (`hour`
    with its minutes), or is one-hot. The last of the columns says that the value is missing; the
    others are 0 then. `clock` says whose: `local` as the text has it (without a zone there is no
    other), or `utc`.

    `age_at` adds the time that has passed, in days and scaled as `Numeric` does it: until the
    moment in another column (`age_at="sold"`), or since a date (`age_at="2013-01-01"`), which
    makes it a trend.
    """

    parts: tuple[Part, ...] = ("hour", "weekday", "month")
    encoding: TimeEncoding = "cyclic"
    clock: Clock = "local"
    age_at: str = ""
    unit: Unit = "s"

    role: ClassVar[str] = "time"
    kinds: ClassVar[tuple[str, ...]] = WORDS

    def __post_init__(self) -> None:
        what = self._named()
        if not isinstance(self.parts, tuple | list):
            refuse(what, "parts", self.parts, 'a tuple, as in ("hour", "weekday")')
        for part in self.parts:
            check_choice(what, "parts", part, get_args(Part))
        object.__setattr__(self, "parts", tuple(dict.fromkeys(self.parts)))
        check_choice(what, "encoding", self.encoding, get_args(TimeEncoding))
        check_choice(what, "clock", self.clock, get_args(Clock))
        check_choice(what, "unit", self.unit, get_args(Unit))
        if self.age_at:
            check_name(what, "age_at", self.age_at)
        try:
            _ = self.since
        except ValueError as error:
            refuse(what, "age_at", self.age_at, f"a date that there is ({error})")
        if not self.parts and not self.age_at:
            refuse(what, "parts", self.parts, "a part at least, or age_at")

    @property
    def since(self) -> int | None:
        """Seconds since 1970 at which ages begin; None where that is in a column, or without."""
        found = re.fullmatch(ISO, self.age_at)
        if not found:
            return None
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
        sign, hours, minutes = found.groups()[6:]
        offset = (int(hours or 0) * 60 + int(minutes or 0)) * (-60 if sign == "-" else 60)
        whole = datetime(year, month, day, tzinfo=timezone.utc).timestamp()
        return int(whole) + hour * 3600 + minute * 60 + second - offset

    @property
    def sources(self) -> tuple[str, ...]:
        """Its own column, and the one that says until when."""
        return (self.name, self.age_at) if self.age_at and self.since is None else (self.name,)

    @property
    def width(self) -> int:
        """Columns of the parts, and one for missing."""
        wide = self.encoding == "one_hot"
        return sum(PARTS[part] if wide else 2 for part in self.parts) + 1

    @property
    def age_name(self) -> str:
        """The name of the age after Transform."""
        return self.output_name("age")

    def outputs(self) -> tuple[Output, ...]:
        """The parts side by side, and the age."""
        low = 0.0 if self.encoding == "one_hot" else -1.0
        parts = Output(self.transformed_name, self.width, low=low)
        age = Output(self.age_name, low=-AGE_CLIP, high=AGE_CLIP)
        return (*([parts] if self.parts else []), *([age] if self.age_at else []))
