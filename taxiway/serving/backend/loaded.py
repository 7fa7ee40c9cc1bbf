"""The seam between the gateway and what answers: one loaded version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from taxiway.serving.requests.ask import Arrays, Signature


class LoadedVersion(Protocol):
    """A version that answers; made by a kind of `serving.backend`. For one event loop."""

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """What it takes and gives, by name."""

    @property
    def pid(self) -> int | None:
        """Of the process that has the model; None where another machine has it."""

    @property
    def memory_bytes(self) -> int | None:
        """Resident memory of that process; None where it is not known."""

    @property
    def lost(self) -> str:
        """Why it answers no more and must be loaded again; empty while it answers."""

    async def predict_columns(
        self, columns: Mapping[str, Sequence[Any]], deadline: float
    ) -> Arrays:
        """Answers plain columns; what is not given is missing.

        Args:
          deadline: `time.monotonic()` after which the model is ended, if it still works on it.

        Raises:
          WorkerError: `reason` says whether it is lost.
        """

    async def predict_examples(self, examples: Sequence[bytes], deadline: float) -> Arrays:
        """Answers serialized tf.Examples; as `predict_columns`."""

    async def close(self) -> None:
        """Ends it, whatever it is doing. May be called more than once."""
