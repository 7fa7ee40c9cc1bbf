"""What is told of each request, for metrics and the access log."""

from __future__ import annotations

from typing import Protocol

from taxiway.access.refusal import Refusal
from taxiway.serving.requests.ask import Answer, Ask


class Observer(Protocol):
    """Hears of every request once. Called on the event loop: it neither blocks nor raises."""

    def answered(self, ask: Ask, answer: Answer, seconds: float) -> None:
        """A request was answered, `seconds` after it came."""

    def refused(self, ask: Ask, refusal: Refusal, seconds: float) -> None:
        """A request was refused, `seconds` after it came; its model may not exist."""
