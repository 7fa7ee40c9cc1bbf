"""A version that answers as a test says, when it says so, and knows what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from taxiway.config.serving import Batching, Limits
from taxiway.modeling.names import COLUMNS, SERVING
from taxiway.serving.backend.fault import is_lost
from taxiway.serving.requests.ask import Arrays, Ask, Column, Signature
from taxiway.serving.worker.errors import WorkerError

SIGNATURES = {
    COLUMNS: Signature(
        (Column("origin", "string"), Column("distance", "float32")),
        (Column("probability", "float32"),),
    ),
    SERVING: Signature((Column("examples", "string"),), (Column("probability", "float32"),)),
}
LIMITS = Limits()
BATCHING = Batching()

Call = Mapping[str, Sequence[Any]] | Sequence[bytes]
Answers = Callable[[Call], Arrays]


class Scripted:
    """A `LoadedVersion` whose model is a function; while `gate` is clear it holds calls back."""

    def __init__(self, answers: Answers | None = None) -> None:
        self.signatures: Mapping[str, Signature] = SIGNATURES
        self.pid: int | None = None
        self.memory_bytes: int | None = None
        self.lost = ""
        self.calls: list[Call] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._answers = answers or tenths

    async def predict_columns(
        self, columns: Mapping[str, Sequence[Any]], deadline: float
    ) -> Arrays:
        return await self._answer(columns)

    async def predict_examples(self, examples: Sequence[bytes], deadline: float) -> Arrays:
        return await self._answer(examples)

    async def close(self) -> None:
        self.lost = "closed"

    async def _answer(self, call: Call) -> Arrays:
        self.calls.append(call)
        await self.gate.wait()
        try:
            return self._answers(call)
        except WorkerError as error:
            self.lost = error.message if is_lost(error) else ""
            raise

    async def called(self, times: int) -> None:
        """Waits until it has been asked so often."""
        for _ in range(1000):
            if len(self.calls) >= times:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{len(self.calls)} calls, expected {times}")


def tenths(call: Call) -> Arrays:
    """A tenth of the distance, or of an example's length."""
    if isinstance(call, Mapping):
        rows = len(next(iter(call.values())))
        given = call.get("distance", [None] * rows)
        values = [0.0 if one is None else one / 10 for one in given]
    else:
        values = [len(one) / 10 for one in call]
    return {"probability": np.array(values, np.float32)}


def asking(distances: Sequence[Any], deadline: float = 1e12, **others: list[Any]) -> Ask:
    """A request of plain columns."""
    columns = {"distance": list(distances), **others}
    return Ask("flights", len(distances), columns, deadline=deadline)
