"""One version in this gateway: its state, as TensorFlow Serving names it, and what answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.requests.ask import Described, Signature

State = Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]


class ServedVersion:
    """A version of a model at a place.

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
        self.loaded: LoadedVersion | None = None
        """What answers; None unless the state is AVAILABLE."""
        self.signatures: Mapping[str, Signature] = {}

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
        raise NotImplementedError
