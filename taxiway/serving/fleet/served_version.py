"""One version in this gateway: its state, as TensorFlow Serving names it, and what answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Literal

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import TaxiwayError
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.events import happens
from taxiway.serving.fleet.watched import Watched
from taxiway.serving.requests.ask import Described, Signature

State = Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]


class NotReady(TaxiwayError):  # noqa: N818  # it is refused, the gateway goes on
    """A version that may have no traffic, and why."""


class ServedVersion:
    """A version of a model at a place. Its states are changed by `life.Life` only.

    Args:
      model: name.
      version: its name in the registry.
      number: of TensorFlow Serving's layout; 0 where its place has none.
      place: folder that it is loaded from.
    """

    def __init__(self, model: str, version: str, number: int, place: str) -> None:
        self.model = model
        self.version = version
        self.number = number
        self.place = place
        self.state: State = "START"
        self.error = ""
        """Why it is not available, or was not the last time; empty where it is."""
        self.signatures: Mapping[str, Signature] = {}
        self.rows_of = ""
        """Which rows it was warmed up with."""
        self.example: Mapping[str, Any] = {}
        """The first of those rows, for people who want to try a request."""
        self.watched: Watched | None = None
        self.restarts = 0
        """How often its worker was replaced."""
        self.changed = asyncio.Event()
        """Set, and replaced, at each change of state."""

    @property
    def subject(self) -> str:
        """As the audit and the command line name it: `flights/1.2.7`."""
        return f"{self.model}/{self.version}"

    @property
    def loaded(self) -> LoadedVersion | None:
        """What answers; None unless the state is AVAILABLE."""
        return self.watched if self.state == "AVAILABLE" else None

    @property
    def described(self) -> Described:
        """For metadata and status documents; labels and weight are the routing table's."""
        return Described(
            model=self.model,
            version=self.version,
            number=self.number,
            state=self.state,
            error=self.error,
            signatures=self.signatures,
        )

    async def available(self, deadline: float) -> LoadedVersion:
        """What answers, once it does.

        Args:
          deadline: `time.monotonic()` until which a version that is being loaded is waited for.

        Raises:
          Refusal: UNAVAILABLE, with why.
        """
        while (loaded := self.loaded) is None:
            left = deadline - time.monotonic()
            if self.state not in ("START", "LOADING") or left <= 0:
                why = f": {self.error}" if self.error else ""
                raise Refusal(
                    Code.UNAVAILABLE, f"{self.subject} is {self.state}{why}", retry_after=1.0
                )
            await happens(self.changed, left)
        return loaded

    def move(self, state: State, error: str = "") -> None:
        """Changes the state, and wakes who waits for it."""
        self.state, self.error = state, error
        self.changed.set()
        self.changed = asyncio.Event()
