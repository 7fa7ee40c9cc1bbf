"""A fleet of versions that a test loads as it likes, with the routes it likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from taxiway.access.refusal import Refusal
from taxiway.delivery.evidence.measured import Measured
from taxiway.registry.routes.placed import Placed
from taxiway.registry.routes.route import SLOTS, STABLE, Arm, Mirror, Route
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.fleet.watched import Watched
from taxiway.serving.requests.ask import Answer, Ask
from taxiway.serving.routing.choose import Choice
from taxiway.serving.routing.evidence import Failure
from taxiway.serving.routing.table import RoutingTable

MODEL = "flights"


class GivenFleet:
    """As the service sees a `Fleet`: versions 1.0.0, 1.1.0, ... with the numbers 1, 2, ...

    Args:
      slots: by version, those that have traffic; the first is stable.
      warm: versions without traffic.
      mirrored: one that gets copies; empty for none.
      share: of the requests that are copied.
    """

    def __init__(
        self,
        slots: Mapping[str, int],
        warm: tuple[str, ...] = (),
        mirrored: str = "",
        share: float = 1.0,
    ) -> None:
        self.models = (MODEL,)
        self.served = {
            name: ServedVersion(MODEL, name, number, f"/{number}")
            for number, name in enumerate((*warm, *slots), start=1)
        }
        route = _route(slots, self.served)
        if mirrored:
            shadow = self.served[mirrored]
            mirror = Mirror(mirrored, shadow.number, shadow.place, share)
            route = replace(route, mirror=mirror)
        self.table = RoutingTable(
            {MODEL: route},
            {MODEL: [Placed(one.version, one.number, one.place) for one in self.served.values()]},
        )
        self.failures: list[tuple[str, str]] = []

    @property
    def as_fleet(self) -> Fleet:
        """For type checkers."""
        return cast(Any, self)

    def load(self, name: str, loaded: LoadedVersion) -> None:
        """Has a version available."""
        self.served[name].watched = Watched(loaded, lambda why: self.failures.append((name, why)))
        self.served[name].signatures = loaded.signatures
        self.served[name].move("AVAILABLE")

    def version(self, model: str, name: str) -> ServedVersion | None:
        return self.served.get(name) if model == MODEL else None

    def versions(self, model: str) -> list[ServedVersion]:
        return [*reversed(self.served.values())] if model == MODEL else []

    def route(self, model: str) -> Route | None:
        return self.table.routes.get(model)

    def ready(self) -> bool:
        return all(one.loaded is not None for one in self.served.values())


def _route(slots: Mapping[str, int], served: Mapping[str, ServedVersion]) -> Route:
    arms, start = [], 0
    for name, count in slots.items():
        one = served[name]
        arm = name if arms else STABLE
        ranges = ((start, start + count),) if count else ()
        arms.append(Arm(arm, name, one.number, one.place, ranges))
        start += count
    assert start == SLOTS
    return Route(MODEL, "", 1, "salt", tuple(arms))


class Kept:
    """A decision log in memory."""

    def __init__(self) -> None:
        self.decisions: list[tuple[Ask, Answer, float]] = []
        self.refuses: Refusal | None = None

    async def record(self, ask: Ask, answer: Answer, seconds: float) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.decisions.append((ask, answer, seconds))


@dataclass
class HeardEvidence:
    """An `Evidence` that keeps what it hears."""

    answers: list[tuple[Answer, Choice]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    copies: list[tuple[int, str]] = field(default_factory=list)
    sum: Measured = field(default_factory=Measured)

    def answered(self, ask: Ask, answer: Answer, choice: Choice, seconds: float) -> None:
        self.answers.append((answer, choice))

    def failed(self, ask: Ask, choice: Choice, failure: Failure) -> None:
        self.failures.append(failure)

    def mirrored(self, model: str, revision: int, version: str, measured: Measured) -> None:
        self.copies.append((revision, version))
        self.sum = self.sum + measured
