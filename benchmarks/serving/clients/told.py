"""What clients were told: how often, how soon, and what failed."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol

CLIENTS: Final = 64
ANSWER_SECONDS: Final = 20.0
"""After which a request has failed."""


class Told(Protocol):
    """Whoever hears of each request. For one event loop."""

    def answered(self, came: float, body: bytes) -> None:
        """One was answered.

        Args:
          came: when it was sent first, in monotonic seconds.
          body: of the answer.
        """

    def failed_with(self, why: str) -> None:
        """One was not."""


@dataclass
class Load:
    """All that clients were told, of some seconds.

    Args:
      answers: of each answered request, when it came (monotonic seconds) and its body.
      latencies: of each, in seconds.
      failed: statuses other than 200, and what broke, one by one.
    """

    answers: list[tuple[float, bytes]] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def answered(self, came: float, body: bytes) -> None:
        """As of `Told`."""
        now = time.monotonic()
        self.answers.append((now, body))
        self.latencies.append(now - came)

    def failed_with(self, why: str) -> None:
        """As of `Told`."""
        self.failed.append(why)

    @property
    def per_second(self) -> float:
        """Answered requests."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Latency, in milliseconds."""
        ordered = sorted(self.latencies) or [0.0]
        return 1e3 * ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


@dataclass
class Counts:
    """Of hours: counts only, so that the clients' memory does not grow."""

    answers: int = 0
    slowest: float = 0.0
    """Seconds."""
    failed: Counter[str] = field(default_factory=Counter)

    def answered(self, came: float, body: bytes) -> None:  # noqa: ARG002  # of `Told`
        """As of `Told`."""
        self.answers += 1
        self.slowest = max(self.slowest, time.monotonic() - came)

    def failed_with(self, why: str) -> None:
        """As of `Told`."""
        self.failed[why] += 1
