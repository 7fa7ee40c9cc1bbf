"""Retries against a metadata store that is in trouble and may come back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from ml_metadata import errors
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from taxiway.errors import TaxiwayError
from taxiway.metadata.connection import Metadata, SqliteMetadata
from taxiway.process.sqlite_file import UNUSABLE_EDIT

T = TypeVar("T")
HOPELESS: Final = (
    "syntax error",  # what MLMD's PostgreSQL client cannot write; see runners/nodes/store_limits.py
    "exceeds btree",
    "file is not a database",  # SQLite's
    "disk image is malformed",
    "readonly database",
    "unable to open database file",
    "MLMD database version",  # the tables of another ML Metadata
    "Access denied",  # MySQL's
    "authentication failed",  # PostgreSQL's
)
"""Words in errors of ML Metadata that another try cannot help."""
_LONGEST: Final = 300


def patiently(
    act: Callable[[], T], metadata: Metadata, before_retry: Callable[[], None] | None = None
) -> T:
    """Does something in the metadata store, again and again while the store is in trouble.

    The store's own client tries again only what was aborted. A server that restarts, and two
    nodes that register the same type at once, come as the other errors named here.

    Args:
      act: what to do; whole each time.
      metadata: the store; its kind says how long it may be away.
      before_retry: called before each further try.

    Raises:
      TaxiwayError: the store does not answer, though its patience has passed.
      ml_metadata.errors.StatusError: any other trouble that did not pass.
    """

    def warn(state: RetryCallState) -> None:
        error = state.outcome and state.outcome.exception()
        logging.warning("metadata store, try %d: %s", state.attempt_number, error)
        if before_retry is not None:
            before_retry()

    try:
        return Retrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_random_exponential(multiplier=0.2, max=5.0),
            # A try may by itself take longer than that.
            stop=stop_after_attempt(2) & stop_after_delay(metadata.PATIENCE_SECONDS),
            before_sleep=warn,
            reraise=True,
        )(act)
    except (RuntimeError, errors.StatusError) as error:
        if _is_hopeless(error):
            raise TaxiwayError(
                f"the metadata store cannot be used: {_first_words(error)}", edit=_place(metadata)
            ) from error
        if not _is_no_connection(error):
            raise
        raise TaxiwayError(
            f"the metadata store does not let us in: {_first_words(error)}",
            edit="metadata: is the server up, and are host, port, user and password right?",
        ) from error


def _place(metadata: Metadata) -> str:
    if isinstance(metadata, SqliteMetadata):
        return UNUSABLE_EDIT.format(key="metadata.path")
    return "metadata: are host, port, user and password right, and is the database ours?"


def _first_words(error: BaseException) -> str:
    """The reason, without the statement that MLMD shows with it."""
    text = " ".join(str(error).split()).removeprefix("Error when executing query: ")
    return text.partition(" query: ")[0][:_LONGEST]


def _may_pass(error: BaseException) -> bool:
    trouble = (
        errors.AbortedError,
        errors.AlreadyExistsError,
        errors.InternalError,
        errors.UnavailableError,
    )
    return (isinstance(error, trouble) or _is_no_connection(error)) and not _is_hopeless(error)


def _is_hopeless(error: BaseException) -> bool:
    """Whether no time mends it: no server is away."""
    return any(words in str(error) for words in HOPELESS)


def _is_no_connection(error: BaseException) -> bool:
    """MLMD's constructor, and TFX's around it, raise a plain RuntimeError."""
    return type(error) is RuntimeError and "connect" in str(error)
