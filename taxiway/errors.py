"""The one error users see: what came in, what was expected, and which file or key to edit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

EXIT_OK: Final = 0
EXIT_RUN_FAILED: Final = 1
EXIT_WRONG_USAGE: Final = 2
LINE_CHARACTERS: Final = 1000
LINES: Final = 40
"""Of a message: whatever it quotes, a terminal, a database and a notification take it."""
_WORD_CHARACTERS: Final = 100


class TaxiwayError(Exception):
    """A failure with a known cause, reported in a few lines and never as a traceback.

    Args:
      message: what was received and what was expected; a long one is cut.
      edit: the file or config key that mends it, if one does.
    """

    exit_code: int = EXIT_RUN_FAILED

    def __init__(self, message: str, *, edit: str = "") -> None:
        self.message = bounded(message)
        self.edit = bounded(edit)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n  edit: {self.edit}" if self.edit else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.edit)


class ConfigError(TaxiwayError):
    """A config, flag or overlay that cannot be used; nothing was started."""

    exit_code = EXIT_WRONG_USAGE


class DataError(TaxiwayError):
    """Input data that cannot be read as the schema says."""


class GateStopped(TaxiwayError):  # noqa: N818  # nothing went wrong: the gate did its duty
    """A gate looked at the data and stopped the run, as its config says it should."""


def bounded(text: str, characters: int = LINE_CHARACTERS, lines: int = LINES) -> str:
    """A text with so many lines at most, a long one cut in its middle: both ends of a path tell."""
    kept = text.split("\n")
    if len(kept) > lines:
        kept = [*kept[: lines - 1], f"... and {len(kept) - lines + 1} more lines"]
    return "\n".join(_bounded_line(line, characters) for line in kept)


def _bounded_line(line: str, characters: int) -> str:
    if len(line) <= characters:
        return line
    end = characters // 4
    return f"{line[: characters - end - 5]} ... {line[-end:]}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as `; did you mean 'epochs'?`, or nothing where no known word is near."""
    if len(word) > _WORD_CHARACTERS:  # difflib takes the square of it
        return ""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _rebuild(kind: type[TaxiwayError], message: str, edit: str) -> TaxiwayError:
    return kind(message, edit=edit)
