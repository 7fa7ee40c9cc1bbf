"""The token that a process acts by; nothing heavy is loaded to read it."""

from __future__ import annotations

from typing import Final

from taxiway.process.password import secret_of

TOKEN_ENV: Final = "TAXIWAY_TOKEN"  # noqa: S105  # the variable's name


def token_text() -> str:
    """Of the environment's TAXIWAY_TOKEN, or of the file that TAXIWAY_TOKEN_FILE names; else empty.

    Raises:
      ConfigError: the file cannot be read.
    """
    return (secret_of(TOKEN_ENV) or "").strip()
