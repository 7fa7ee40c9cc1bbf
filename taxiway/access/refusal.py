"""Why a request is not answered; each protocol has its own code for it."""

from __future__ import annotations

from enum import Enum

from taxiway.errors import TaxiwayError


class Code(Enum):
    """The kind of a refusal: (status of HTTP, name of the gRPC status)."""

    INVALID = (400, "INVALID_ARGUMENT")
    UNAUTHENTICATED = (401, "UNAUTHENTICATED")
    FORBIDDEN = (403, "PERMISSION_DENIED")
    NOT_FOUND = (404, "NOT_FOUND")
    TOO_LARGE = (413, "INVALID_ARGUMENT")
    BUSY = (429, "RESOURCE_EXHAUSTED")
    FAILED = (500, "INTERNAL")
    UNIMPLEMENTED = (501, "UNIMPLEMENTED")
    UNAVAILABLE = (503, "UNAVAILABLE")
    DEADLINE = (504, "DEADLINE_EXCEEDED")

    @property
    def http(self) -> int:
        """Status of HTTP."""
        return self.value[0]

    @property
    def grpc(self) -> str:
        """Name of the gRPC status."""
        return self.value[1]


class Refusal(TaxiwayError):  # noqa: N818  # a busy gateway is in order
    """A request that is not answered.

    Args:
      code: the kind.
      message: what came in and what was expected.
      retry_after: seconds after which another try can help; 0 where none can.
    """

    def __init__(self, code: Code, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.retry_after)


def _rebuild(code: Code, message: str, retry_after: float) -> Refusal:
    return Refusal(code, message, retry_after=retry_after)
