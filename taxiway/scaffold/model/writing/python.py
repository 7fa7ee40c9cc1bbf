"""Python as the formatter would write it: calls on one line, or wrapped as it wraps them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from taxiway.terminal import one_line

WIDTH: Final = 100
TOO_LONG: Final = "  # noqa: E501"
_STEP: Final = 4


def width(text: str) -> int:
    """Columns that a line takes, as the formatter counts them: some characters take two."""
    return sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def call(head: str, arguments: Sequence[str], indent: int, comment: str = "") -> list[str]:
    """The lines of a call within brackets, with a comma behind it.

    Args:
      head: what stands before the bracket, such as `Numeric` or `task=Binary`.
      arguments: as Python.
      indent: blanks before it.
      comment: behind it where it fits, cut where that leaves enough of it, else above it.
    """
    pad = " " * indent
    line = f"{pad}{head}({', '.join(arguments)}),"
    if width(line) <= WIDTH:
        return _commented(line, comment, pad)
    above = _above(comment, pad)
    opening = f"{pad}{head}("
    opening += TOO_LONG * (width(opening) > WIDTH)
    middle = f"{pad}{' ' * _STEP}{', '.join(arguments)}"
    if width(middle) <= WIDTH:
        return [*above, opening, middle, f"{pad}),"]
    inner = [f"{pad}{' ' * _STEP}{argument}," for argument in arguments]
    inner = [one + TOO_LONG * (width(one) > WIDTH) for one in inner]
    return [*above, opening, *inner, f"{pad}),"]


def comment_line(text: str, indent: int = 0) -> str:
    """A comment on a line of its own, cut where the line would be too long."""
    return cut(f"{' ' * indent}# {one_line(text)}", WIDTH)


def cut(text: str, most: int) -> str:
    """A text that takes not more columns than that."""
    if width(text) <= most:
        return text
    while width(text) > most - 3:
        text = text[:-1]
    return f"{text.rstrip()}..."


def _commented(line: str, comment: str, pad: str) -> list[str]:
    if not comment:
        return [line]
    room = WIDTH - width(line) - len("  # ")
    told = one_line(comment)
    if room >= min(width(told), 30):
        return [f"{line}  # {cut(told, room)}"]
    return [*_above(comment, pad), line]


def _above(comment: str, pad: str) -> list[str]:
    return [comment_line(comment, len(pad))] if comment else []
