"""What a version did wrong, so that another one may be asked in its place."""

from __future__ import annotations

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.worker.errors import WorkerError

_OF_THE_INPUT = "InvalidArgumentError"
"""TensorFlow's name for what a graph itself refuses, such as a number that should be whole."""


class ModelFault(Refusal):
    """A request that one version has not answered, and that another one may.

    Args:
      code: the kind.
      message: what came in and what was expected.
      retry_after: seconds after which another try can help; 0 where none can.
      asked: whether the model has seen the request, so that it may be to blame; one that only
        waited for its turn is not.
      nan_rows: rows for which the model gave a number that is not finite, which is the fault.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        retry_after: float = 0.0,
        asked: bool = True,
        nan_rows: int = 0,
    ) -> None:
        super().__init__(code, message, retry_after=retry_after)
        self.asked = asked
        self.nan_rows = nan_rows

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.retry_after, self.asked, self.nan_rows)


def _rebuild(
    code: Code, message: str, retry_after: float, asked: bool, nan_rows: int
) -> ModelFault:
    return ModelFault(code, message, retry_after=retry_after, asked=asked, nan_rows=nan_rows)


def is_lost(error: WorkerError) -> bool:
    """Whether the worker answers no more."""
    return error.reason not in ("bad_request", "model_error")


def fault_of(error: WorkerError, *, asked: bool = True) -> Refusal:
    """What a request is told of its version's error."""
    if error.reason == "bad_request":
        return Refusal(Code.INVALID, error.message.removeprefix("RequestError: "))
    if error.reason == "model_error":
        code = Code.INVALID if error.kind == _OF_THE_INPUT else Code.FAILED
        return ModelFault(code, error.message)
    told = error.message.splitlines()[0] if error.message else error.reason
    return ModelFault(
        Code.UNAVAILABLE,
        f"the version does not answer: {told}",
        retry_after=1.0,
        asked=asked and error.reason != "closed",
    )
