"""Where decisions go: what was asked and answered, before its answer is sent."""

from __future__ import annotations

from typing import Protocol

from taxiway.serving.requests.ask import Answer, Ask


class DecisionSink(Protocol):
    """The decision log, as the gateway sees it. For one event loop."""

    async def record(self, ask: Ask, answer: Answer, seconds: float) -> None:
        """Takes one answered request; returns when its answer may be sent.

        Args:
          ask: the request; its lists and the answer's arrays are not changed afterwards.
          answer: what the client is about to be told.
          seconds: from when the request came to when its answer was there.

        Raises:
          Refusal: UNAVAILABLE, the decision could not be kept, so it must not be made.
        """
