"""What may go wrong with a model worker, as its parent tells it."""

from __future__ import annotations

from typing import Literal

from taxiway.errors import TaxiwayError

Reason = Literal[
    "load_failed",
    "load_timeout",
    "not_isolated",
    "timeout",
    "crashed",
    "bad_request",
    "model_error",
    "closed",
]


class WorkerError(TaxiwayError):
    """A worker that did not load, did not answer in time, ended, or answered with an error.

    Args:
      message: what happened, in a line or a few.
      reason: the kind of failure. After `bad_request` and `model_error` the worker still answers;
        after the others it is gone.
      edit: the file or config key that mends it, if one does.
      kind: class name of the exception in the worker, of `bad_request` and `model_error`.
    """

    def __init__(
        self, message: str, *, reason: Reason = "crashed", edit: str = "", kind: str = ""
    ) -> None:
        super().__init__(message, edit=edit)
        self.reason: Reason = reason
        self.kind = kind

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.message, self.reason, self.edit, self.kind)


def _rebuild(message: str, reason: Reason, edit: str, kind: str) -> WorkerError:
    return WorkerError(message, reason=reason, edit=edit, kind=kind)
