"""Retries against a metadata store that is in trouble and may come back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from ml_metadata import errors
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

from taxiway.errors import TaxiwayError
from taxiway.metadata.connection import Metadata

T = TypeVar("T")


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
            stop=stop_after_delay(metadata.PATIENCE_SECONDS),
            before_sleep=warn,
            reraise=True,
        )(act)
    except RuntimeError as error:
        if not _is_no_connection(error):
            raise
        raise TaxiwayError(
            f"the metadata store does not let us in: {error}",
            edit="metadata: is the server up, and are host, port, user and password right?",
        ) from error


def _may_pass(error: BaseException) -> bool:
    trouble = (
        errors.AbortedError,
        errors.AlreadyExistsError,
        errors.InternalError,
        errors.UnavailableError,
    )
    # What MLMD's PostgreSQL client cannot write (see runners/nodes/store_limits.py) it never will.
    hopeless = any(words in str(error) for words in ("syntax error", "exceeds btree"))
    return (isinstance(error, trouble) and not hopeless) or _is_no_connection(error)


def _is_no_connection(error: BaseException) -> bool:
    """MLMD's constructor, and TFX's around it, raise a plain RuntimeError."""
    return type(error) is RuntimeError and "connect" in str(error)
