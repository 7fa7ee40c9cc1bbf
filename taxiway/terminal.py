"""The one place that makes any text fit to be shown: on a terminal, in a log, on the report's page.

Data, paths, notes, names and what other programs say may hold whatever their authors like: escape
sequences that move the cursor or set the clipboard, characters that turn the reading direction,
bytes that are no text. Each such character is shown as one that says so and does nothing.
"""

from __future__ import annotations

import functools
import shlex
import sys
import unicodedata
from collections.abc import Iterable
from typing import Final

_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"
_KEPT: Final = "\n\t"
_SHOWN_FORMATS: Final = "\u200c\u200d\u00ad"
"""Joiners of scripts and emoji, and the soft hyphen, which turn nothing around."""


def _replacement(number: int) -> str | None:
    character = chr(number)
    if character in _KEPT or character in _SHOWN_FORMATS:
        return None
    if number < 0x20:
        return chr(0x2400 + number)  # Unicode's picture of it, such as ␛
    if number == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    # Cc and Cf: control and format, bidi overrides among them; Cs: bytes that are no text.
    is_hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return _UNKNOWN if is_hidden else None


_LINES: Final = {ord("\n"): "\u240a", ord("\t"): "\u2409"}
"""Their pictures: ␊ and ␉."""


@functools.cache
def _replaced() -> dict[int, str]:
    """Every character that is not shown as it is: made when a text first needs it."""
    blocks = (range(0x3000), range(0xD800, 0xE000), range(0xFE00, 0x10000), range(0xE0000, 0xE0080))
    found = {number: _replacement(number) for block in blocks for number in block}
    return {number: shown for number, shown in found.items() if shown is not None}


def printable(text: str) -> str:
    """A text of the same length that nothing in it can turn into anything but text."""
    return text if text.isascii() and text.isprintable() else text.translate(_replaced())


def one_line(text: str) -> str:
    """The same for what stands on one line, such as a name or a path: line ends are shown too."""
    return printable(text).translate(_LINES)


def shell(words: Iterable[str]) -> str:
    """A command line to paste, on one line: a word that cannot be shown is written as bash does."""
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    if one_line(word) == word:
        return shlex.quote(word)
    escaped = "".join(
        f"\\{character}"
        if character in "'\\"
        else character
        if one_line(character) == character
        else f"\\U{ord(character):08x}"
        for character in word
    )
    return f"$'{escaped}'"


def print_error(text: str) -> None:
    """Writes to standard error, red on a terminal."""
    shown = printable(text)
    red = sys.stderr.isatty()
    sys.stderr.write(f"\x1b[31m{shown}\x1b[0m\n" if red else f"{shown}\n")
    sys.stderr.flush()
