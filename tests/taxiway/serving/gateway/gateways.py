"""Requests, answers and a gateway's status, for tests of what operators see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.gateway.metrics.recorder import Recorder
from taxiway.serving.gateway.status import ModelStatus, Status, VersionStatus
from taxiway.serving.requests.ask import Answer, Ask

FIRST = VersionStatus("1.0.0", 1, "AVAILABLE", arm="stable", weight=0.9, memory_bytes=300 * 2**20)
SECOND = VersionStatus(
    "1.1.0", 2, "AVAILABLE", labels=("candidate",), arm="candidate", weight=0.1, restarts=2
)


def an_ask(**changes: Any) -> Ask:
    return replace(Ask(model="flights", rows=1, columns={"a": [1.0]}), **changes)


def an_answer(version: str = "1.0.0", **changes: Any) -> Answer:
    return replace(Answer(outputs={}, version=version, number=1), **changes)


def a_refusal(code: Code = Code.BUSY) -> Refusal:
    return Refusal(code, "no")


class Gateway:
    """A gateway that says of itself what a test wants."""

    def __init__(self, *versions: VersionStatus, model: str = "flights") -> None:
        self.now = Status(models=(ModelStatus(model, versions or (SECOND, FIRST), 12),))
        self.is_ready = True
        self.reloaded: list[tuple[str, str, str]] = []

    def status(self) -> Status:
        return self.now

    def ready(self) -> bool:
        return self.is_ready

    def reload(self, model: str, version: str, why: str) -> None:
        self.reloaded.append((model, version, why))


def a_recorder() -> Recorder:
    return Recorder(["flights"])
