"""The gateway's `Evidence`: requests are measured, and remembered where rewards may come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.evidence.records import SHADOW
from taxiway.serving.backend.fault import ModelFault
from taxiway.serving.delivering.measuring.meter import Meter
from taxiway.serving.delivering.rewards.decided import Decided, key_digest
from taxiway.serving.delivering.rewards.live import LiveRewards
from taxiway.serving.requests.ask import OUTSIDE, SINGLE, Answer, Ask
from taxiway.serving.routing.choose import Choice
from taxiway.serving.routing.evidence import Failure

Context = Callable[[Ask, Choice], Any]
"""What the policy of an experiment learns from a request by."""


class LiveEvidence:
    """An `Evidence`. For one event loop.

    Args:
      meter: counts.
      rewards: remember decisions between arms.
      context: see `Context`.
      clock: seconds since the epoch; tests bring their own.
    """

    def __init__(
        self,
        meter: Meter,
        rewards: LiveRewards,
        context: Context,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._meter = meter
        self._rewards = rewards
        self._context = context
        self._clock = clock

    def answered(self, ask: Ask, answer: Answer, choice: Choice, seconds: float) -> None:
        """Counts an answer for the version that was to give it; see `Evidence`.

        What another version answered in its place counts for neither: it is more than that one's
        share, and took as long as both.
        """
        policy = choice.policy
        if not choice.is_drawn:
            return
        where = (ask.model, choice.revision, choice.version, choice.segment)
        if not answer.fallback:
            self._meter.answered(where, answer.outputs, ask.rows, seconds)
        if policy != SINGLE and policy != OUTSIDE:
            self._rewards.decided(
                ask.model,
                Decided(
                    ask.request_id,
                    None if answer.fallback else where,
                    self._clock(),
                    key_digest(ask.model, ask.key) if ask.key else "",
                    self._context(ask, choice) if choice.experiment else None,
                ),
            )

    def failed(self, ask: Ask, choice: Choice, failure: Failure) -> None:
        """Counts an error of the version that was to answer; see `Evidence`."""
        if not choice.is_drawn or failure.version != choice.version:
            return
        where = (ask.model, choice.revision, choice.version, choice.segment)
        fault = failure.fault
        nan_rows = fault.nan_rows if isinstance(fault, ModelFault) else 0
        self._meter.failed(where, ask.rows if nan_rows else 0, nan_rows)

    def mirrored(self, model: str, revision: int, version: str, measured: Measured) -> None:
        """Adds what a copy has shown; see `Evidence`."""
        self._meter.add((model, revision, version, SHADOW), measured)
