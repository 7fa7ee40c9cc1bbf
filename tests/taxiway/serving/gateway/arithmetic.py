"""A service without a model: it answers by arithmetic that a test can do too.

    probability  distance / 10,000, and 0.5 where it is missing     models trips and split
    class        the origin; probabilities of JFK, LGA and EWR      model airports
    value        twice the distance, NaN where it is missing        model fares

Serialized tf.Examples are answered by their length in bytes, as if it were the distance.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.requests.ask import Answer, Arrays, Ask, Column, Described, Signature

AIRPORTS = ("JFK", "LGA", "EWR")
INPUTS = (
    Column("origin", "string"),
    Column("distance", "float32"),
    Column("tags", "string", rank=2),
)
OUTPUTS = {
    "trips": (Column("probability", "float32"),),
    "split": (Column("probability", "float32"),),
    "airports": (Column("probabilities", "float32", rank=2), Column("class", "string")),
    "fares": (Column("value", "float32"),),
}
SERVED = {
    "trips": ("classify", (Column("classes", "string", 2), Column("scores", "float32", 2))),
    "split": ("classify", (Column("classes", "string", 2), Column("scores", "float32", 2))),
    "airports": ("classify", (Column("classes", "string", 2), Column("scores", "float32", 2))),
    "fares": ("regress", (Column("outputs", "float32"),)),
}
CLASSES = {"trips": ("0", "1"), "split": ("0", "1"), "airports": AIRPORTS, "fares": ()}
VERSIONS = {"1.0.0": 1, "1.2.7": 2}
"""Of every model; the second is stable, and `champion` the first."""


@dataclass
class Arithmetic:
    """A `Service`; what it was asked last stands in `asked`.

    Args:
      is_ready: what `ready` says.
      refusal: what is raised in place of an answer.
      waits: whether it only answers once `go_on` is set.
    """

    is_ready: bool = True
    refusal: Exception | None = None
    waits: bool = False
    asked: list[Ask] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        version = self.describe(ask.model, ask.version, ask.label)
        if self.refusal is not None:
            raise self.refusal
        if self.waits:
            await self.go_on.wait()
        if ask.deadline <= time.monotonic():
            raise Refusal(Code.DEADLINE, "too late")
        outputs = answered(ask.model, *_columns(ask))
        return Answer(outputs, version.version, version.number)

    def choose(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        self.describe(ask.model)
        if ask.model != "split":
            return Answer({}, "1.2.7", 2)
        arm, version = ("canary", "1.0.0") if len(ask.key) % 2 else ("stable", "1.2.7")
        return Answer({}, version, VERSIONS[version], arm=arm, propensity=0.5, policy="weights")

    def describe(self, model: str, version: str = "", label: str = "") -> Described:
        for one in self.versions(model):
            if version in (one.version, str(one.number)) or label in one.labels:
                return one
            if not version and not label:
                return one
        raise Refusal(Code.NOT_FOUND, f"{model} has no version '{version or label}' here")

    def versions(self, model: str) -> list[Described]:
        if model not in OUTPUTS:
            raise Refusal(Code.NOT_FOUND, f"no version of a model '{model}' is served here")
        name, outputs = SERVED[model]
        signatures = {
            "serving_default": Signature((Column("examples", "string"),), OUTPUTS[model]),
            "serving_columns": Signature(INPUTS, OUTPUTS[model]),
            name: Signature((Column("inputs", "string"),), outputs, CLASSES[model]),
        }
        labels = {"1.2.7": ("stable",), "1.0.0": ("champion",)}
        return [
            Described(
                model,
                version,
                number,
                "AVAILABLE",
                signatures=signatures,
                labels=labels[version],
            )
            for version, number in reversed(VERSIONS.items())
        ]

    def models(self) -> list[str]:
        return sorted(OUTPUTS)

    def ready(self) -> bool:
        return self.is_ready


def answered(model: str, origin: Sequence[Any], distance: Sequence[Any]) -> Arrays:
    """What a model says of rows."""
    miles = np.array([np.nan if one is None else one for one in distance], np.float32)
    if model == "fares":
        return {"value": miles * 2}
    if model == "airports":
        likely = np.array([[0.8 if one == name else 0.1 for name in AIRPORTS] for one in origin])
        names = np.array([AIRPORTS[at].encode() for at in likely.argmax(axis=1)], object)
        return {"probabilities": likely.astype(np.float32), "class": names}
    return {"probability": np.where(np.isnan(miles), 0.5, miles / 10_000).astype(np.float32)}


def _columns(ask: Ask) -> tuple[Sequence[Any], Sequence[Any]]:
    if ask.examples is not None:
        return [None] * ask.rows, [len(one) for one in ask.examples]
    assert ask.columns is not None
    for name in ask.columns:
        if name not in {column.name for column in INPUTS}:
            raise Refusal(Code.INVALID, f"unknown column '{name}'")
    for name in ("distance",):
        for value in ask.columns.get(name, ()):
            if not isinstance(value, int | float | None):
                raise Refusal(Code.INVALID, f"column '{name}': received {value!r:.40}")
    nothing = [None] * ask.rows
    return ask.columns.get("origin", nothing), ask.columns.get("distance", nothing)
