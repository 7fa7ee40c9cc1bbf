"""What is told of how versions answer, for whoever compares them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from taxiway.access.refusal import Refusal
from taxiway.delivery.evidence.measured import Measured
from taxiway.serving.requests.ask import Answer, Ask
from taxiway.serving.routing.choose import Choice


class Failure(NamedTuple):
    """A version that has not answered a request, though it was not the request's fault."""

    version: str
    fault: Refusal


class Evidence(Protocol):
    """Hears what became of each request. Called on the event loop: it neither blocks nor raises.

    Requests that name a version, or have it named by hand, are told too: `Choice.is_drawn` says
    which are evidence.
    """

    def answered(self, ask: Ask, answer: Answer, choice: Choice, seconds: float) -> None:
        """A request was answered and is logged; `answer.fallback` where by another version.

        Args:
          ask: the request.
          answer: what the client is told.
          choice: where the request was to go.
          seconds: from when it came.
        """

    def failed(self, ask: Ask, choice: Choice, failure: Failure) -> None:
        """A version did not answer, whether another one then did or not.

        It is told once for each version of a request, and first of `choice.version`, where the
        request was to go; what was refused for the request's own fault is not told.
        """

    def mirrored(self, model: str, revision: int, version: str, measured: Measured) -> None:
        """What a copy of a request has shown of the version that got it; to be added up.

        Args:
          model: name.
          revision: of the route.
          version: that got the copy, or was to.
          measured: of that one request; its `pairs` compare it with the answer that was sent.
        """


class NoEvidence:
    """Evidence that nobody wants."""

    def answered(self, ask: Ask, answer: Answer, choice: Choice, seconds: float) -> None:
        """See `Evidence`."""

    def failed(self, ask: Ask, choice: Choice, failure: Failure) -> None:
        """See `Evidence`."""

    def mirrored(self, model: str, revision: int, version: str, measured: Measured) -> None:
        """See `Evidence`."""
