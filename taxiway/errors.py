"""The one error users see: what came in, what was expected, and which file or key to edit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

EXIT_OK: Final = 0
EXIT_RUN_FAILED: Final = 1
EXIT_WRONG_USAGE: Final = 2
LONGEST_LINE: Final = 2_000
LONGEST_MESSAGE: Final = 12_000
"""Characters; what is left out is told by its number."""
MOST_LINES: Final = 200
_ENDING: Final = 200
"""Of a line that is cut: what was expected tends to stand at its end."""
_NOTE: Final = 100
"""Room for the note about what was left out."""
_WORD_CHARACTERS: Final = 100


def bounded(text: str) -> str:
    """A message that stays readable whatever data it quotes; a short one as it is."""
    lines = [_bounded_line(line) for line in text.split("\n")]
    size = sum(len(line) + 1 for line in lines)
    if size <= LONGEST_MESSAGE and len(lines) <= MOST_LINES:
        return "\n".join(lines)
    kept: list[str] = []
    left = LONGEST_MESSAGE - _NOTE
    for line in lines[: MOST_LINES - 1]:
        left -= len(line) + 1
        if left < 0:
            break
        kept.append(line)
    return "\n".join([*kept, f"... and {len(lines) - len(kept):,} more lines"])


def _bounded_line(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    head = line[: LONGEST_LINE - _ENDING - _NOTE]
    left_out = len(line) - len(head) - _ENDING
    return f"{head}... ({left_out:,} characters left out) ...{line[-_ENDING:]}"


class TaxiwayError(Exception):
    """A failure with a known cause, reported in a few lines and never as a traceback.

    Args:
      message: what was received and what was expected; see `bounded`.
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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as `; did you mean 'epochs'?`, or nothing where no known word is near."""
    if len(word) > _WORD_CHARACTERS:  # difflib takes the square of it
        return ""
    by_lower = {name.lower(): name for name in reversed(list(known))}  # of two alike the first
    near = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return f"; did you mean '{by_lower[near[0]]}'?" if near else ""


def _rebuild(kind: type[TaxiwayError], message: str, edit: str) -> TaxiwayError:
    return kind(message, edit=edit)
