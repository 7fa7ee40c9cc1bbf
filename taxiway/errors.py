"""The one error users see: what came in, what was expected, and which file or key to edit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

EXIT_OK: Final = 0
EXIT_RUN_FAILED: Final = 1
EXIT_WRONG_USAGE: Final = 2


class TaxiwayError(Exception):
    """A failure with a known cause, reported in a few lines and never as a traceback.

    Args:
      message: what was received and what was expected.
      edit: the file or config key that mends it, if one does.
    """

    exit_code: int = EXIT_RUN_FAILED

    def __init__(self, message: str, *, edit: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.edit = edit

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
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _rebuild(kind: type[TaxiwayError], message: str, edit: str) -> TaxiwayError:
    return kind(message, edit=edit)
