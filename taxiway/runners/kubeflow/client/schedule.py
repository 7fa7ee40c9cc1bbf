"""Cron expressions for Kubeflow, checked field by field: the server misreads the usual five."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from taxiway.errors import ConfigError


@dataclass(frozen=True)
class _Field:
    """One field of a cron expression, as github.com/robfig/cron v1 reads it in the server."""

    name: str
    least: int
    most: int
    names: Mapping[str, int] = field(default_factory=dict)
    may_be_any: bool = False

    def check(self, text: str) -> str:
        """What is wrong with the text of this field, or nothing."""
        for part in text.split(","):
            problem = self._check_part(part)
            if problem:
                return f"{self.name} '{text}': {problem}"
        return ""

    def _check_part(self, part: str) -> str:
        span, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and int(step) > 0):
            return f"the step '{step}' is no whole number above 0"
        if span == "*" or (span == "?" and self.may_be_any):
            return ""
        first, dash, last = span.partition("-")
        numbers = [self._number(word) for word in ((first, last) if dash else (first,))]
        for word, number in zip((first, last), numbers, strict=False):
            if number is None:
                return f"'{word}' is none of {self._known()}"
            if not self.least <= number <= self.most:
                hint = "; Sunday is 0" if self.names is _DAYS and number == 7 else ""
                return f"{number} is not from {self.least} to {self.most}{hint}"
        if len(numbers) == 2 and (numbers[0] or 0) > (numbers[1] or 0):
            return f"the range {span} runs backwards"
        return ""

    def _number(self, word: str) -> int | None:
        if re.fullmatch(r"[0-9]{1,4}", word):
            return int(word)
        return self.names.get(word.upper())

    def _known(self) -> str:
        names = "".join(f", {name}" for name in self.names)
        return f"{self.least}-{self.most}{names}, *, a-b, a,b, */n"


_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_DAYS: Final = {
    name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
}
_FIELDS: Final = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31, may_be_any=True),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _DAYS, may_be_any=True),
)


def kubeflow_cron(expression: str) -> str:
    """The expression with seconds first, as Kubeflow wants it: `0 6 * * 1` is `0 0 6 * * 1`.

    Kubeflow takes five fields too, but as seconds to month: the wrong times, without a word.

    Raises:
      ConfigError: neither five fields nor six, or one of them cannot be read.
    """
    words = expression.split()
    if len(words) == 5:
        words = ["0", *words]
    if len(words) != 6:
        raise ConfigError(
            f"--schedule '{expression}' has {len(words)} fields; expected five, minute hour day "
            "month weekday, such as '0 6 * * 1' for Mondays at 6:00 UTC, or six with seconds first",
            edit="--schedule",
        )
    for one, text in zip(_FIELDS, words, strict=True):
        problem = one.check(text)
        if problem:
            raise ConfigError(f"--schedule '{expression}': {problem}", edit="--schedule")
    return " ".join(words)
