"""A shadow gets copies; whatever it does, the version that serves answers without a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from taxiway.access.refusal import Refusal
from taxiway.config.serving import Limits, Serving
from taxiway.serving.gateway.answering.compare import compared
from taxiway.serving.gateway.answering.serving_service import ServingService
from taxiway.serving.gateway.answering.shadow import MOST_COPIES, MOST_ROWS
from taxiway.serving.requests.ask import Arrays, Ask
from taxiway.serving.worker.errors import WorkerError
from tests.taxiway.serving.backend.scripted import Call, Scripted, tenths
from tests.taxiway.serving.gateway.fleets import MODEL, GivenFleet, HeardEvidence, Kept

STABLE, SHADOW = "1.1.0", "1.0.0"
REQUESTS = 300
SECONDS = 30.0


class Mirrored:
    """A service whose stable version is mirrored to another one."""

    def __init__(self, share: float = 1.0) -> None:
        self.fleet = GivenFleet({STABLE: 10_000}, warm=(SHADOW,), mirrored=SHADOW, share=share)
        self.kept, self.heard = Kept(), HeardEvidence()

    def run(self, test: Callable[[ServingService], Awaitable[None]], **limits: Any) -> None:
        async def run() -> None:
            section = Serving(limits=Limits(**limits))
            fleet = self.fleet.as_fleet
            service = ServingService(fleet, section, self.kept, evidence=self.heard)
            try:
                await asyncio.wait_for(test(service), SECONDS)
            finally:
                await service.close()

        asyncio.run(run())

    async def heard_of(self, copies: int) -> None:
        """Waits until so many were compared, or dropped."""
        while len(self.heard.copies) < copies:
            await asyncio.sleep(0.001)


def asking(distance: float, number: int = 0, **others: Any) -> Ask:
    return Ask(MODEL, 1, {"distance": [distance]}, request_id=f"r{number}", **others)


async def all_answered(service: ServingService, requests: int = REQUESTS) -> None:
    """Asks, a few at a time, and holds each answer to what the stable version says."""
    for start in range(0, requests, 20):
        asked = range(start, min(start + 20, requests))
        answers = await asyncio.gather(
            *(service.ask(asking(10 * number, number)) for number in asked)
        )
        for number, answer in zip(asked, answers, strict=True):
            assert (answer.version, answer.fallback) == (STABLE, False)
            np.testing.assert_allclose(answer.outputs["probability"], [number])


def test_copies_are_compared_with_what_was_answered_and_logged_nowhere() -> None:
    def drifts(call: Call) -> Arrays:
        """Half a point more for every other request."""
        found = tenths(call)["probability"]
        return {"probability": found + np.where(found % 2 == 1, np.float32(0.5), np.float32(0))}

    mirrored = Mirrored()

    async def test(service: ServingService) -> None:
        mirrored.fleet.load(STABLE, Scripted())
        mirrored.fleet.load(SHADOW, Scripted(drifts))
        await all_answered(service, 100)
        await mirrored.heard_of(100)

    mirrored.run(test)
    found = mirrored.heard.sum
    assert (found.requests, found.errors, found.rows, found.nan_rows) == (100, 0, 100, 0)
    assert (found.pairs.compared, found.pairs.agreed, found.pairs.dropped) == (100, 50, 0)
    assert found.pairs.drift.mean == pytest.approx(0.25)
    assert sum(found.latency.values()) == sum(found.scores.values()) == 100
    assert set(mirrored.heard.copies) == {(1, SHADOW)}
    assert {answer.version for _, answer, _ in mirrored.kept.decisions} == {STABLE}
    assert len(mirrored.kept.decisions) == len(mirrored.heard.answers) == 100


def test_so_many_are_copied_as_the_share_says() -> None:
    mirrored = Mirrored(share=0.25)

    async def test(service: ServingService) -> None:
        shadow = Scripted()
        mirrored.fleet.load(STABLE, Scripted())
        mirrored.fleet.load(SHADOW, shadow)
        await all_answered(service, 400)
        await mirrored.heard_of(80)
        assert 80 <= mirrored.heard.sum.requests <= 120

    mirrored.run(test)


def crashes(_: Call) -> Arrays:
    raise WorkerError("the model worker ended while answering (SIGKILL)", reason="crashed")


def nan(call: Call) -> Arrays:
    return {"probability": tenths(call)["probability"] * np.nan}


def one_row(_: Call) -> Arrays:
    return {"probability": np.zeros(1, np.float32)}


def refuses(_: Call) -> Arrays:
    raise WorkerError("told to refuse", reason="model_error")


def breaks(_: Call) -> Arrays:
    raise RuntimeError("of nobody's making")


@pytest.mark.parametrize("fails", [crashes, nan, one_row, refuses, breaks])
def test_a_shadow_that_dies_answers_nan_or_nonsense_costs_no_request(
    fails: Callable[[Call], Arrays],
) -> None:
    mirrored = Mirrored()

    async def test(service: ServingService) -> None:
        mirrored.fleet.load(STABLE, Scripted())
        mirrored.fleet.load(SHADOW, Scripted(fails))
        await all_answered(service)
        await mirrored.heard_of(REQUESTS)

    mirrored.run(test)
    found = mirrored.heard.sum
    assert found.errors > 0
    assert found.pairs.compared == 0 or fails is one_row  # which is right for a batch of one
    assert mirrored.heard.failures == []
    assert len(mirrored.heard.answers) == REQUESTS
    if fails is nan:
        assert found.nan_rows == REQUESTS


def test_a_shadow_that_hangs_costs_no_request_and_what_has_no_room_is_counted() -> None:
    mirrored = Mirrored()
    requests = 3 * MOST_COPIES

    async def test(service: ServingService) -> None:
        shadow = Scripted()
        shadow.gate.clear()
        mirrored.fleet.load(STABLE, Scripted())
        mirrored.fleet.load(SHADOW, shadow)
        await all_answered(service, requests)
        await mirrored.heard_of(requests - MOST_COPIES)
        assert mirrored.heard.sum.pairs.dropped == requests - MOST_COPIES
        assert mirrored.heard.sum.requests == 0
        shadow.gate.set()
        await mirrored.heard_of(requests)
        assert mirrored.heard.sum.requests == MOST_COPIES

    mirrored.run(test)


def test_the_gateway_ends_while_a_shadow_hangs() -> None:
    mirrored = Mirrored()

    async def test(service: ServingService) -> None:
        shadow = Scripted()
        shadow.gate.clear()
        mirrored.fleet.load(STABLE, Scripted())
        mirrored.fleet.load(SHADOW, shadow)
        await all_answered(service, 10)
        await shadow.called(1)

    mirrored.run(test)
    assert mirrored.heard.sum.requests == mirrored.heard.sum.errors == 10


def test_copies_of_requests_with_many_rows_are_bounded_by_rows() -> None:
    mirrored = Mirrored()

    async def test(service: ServingService) -> None:
        mirrored.fleet.load(STABLE, Scripted())
        mirrored.fleet.load(SHADOW, Scripted())
        for rows in (MOST_ROWS, MOST_ROWS + 1):
            await service.ask(Ask(MODEL, rows, {"distance": [1.0] * rows}, request_id="r"))
        await mirrored.heard_of(2)
        assert mirrored.heard.sum.pairs.compared == MOST_ROWS
        assert mirrored.heard.sum.pairs.dropped == 1

    mirrored.run(test)


def test_nobody_gets_a_shadows_answer_where_the_stable_version_is_down() -> None:
    mirrored = Mirrored()

    async def test(service: ServingService) -> None:
        shadow = Scripted()
        mirrored.fleet.load(STABLE, Scripted(crashes))
        mirrored.fleet.load(SHADOW, shadow)
        mirrored.fleet.served[STABLE].move("END", "its worker was lost")
        with pytest.raises(Refusal):
            await service.ask(asking(10))
        assert shadow.calls == []
        (failure,) = mirrored.heard.failures
        assert failure.version == STABLE

    mirrored.run(test, seconds=1.0)


def test_a_request_that_names_a_version_is_not_copied() -> None:
    mirrored = Mirrored()

    async def test(service: ServingService) -> None:
        shadow = Scripted()
        mirrored.fleet.load(STABLE, Scripted())
        mirrored.fleet.load(SHADOW, shadow)
        await service.ask(asking(10, version=STABLE))
        await service.ask(asking(10, headers={b"x-taxiway-version": STABLE.encode()}))
        assert (await service.ask(asking(10, version=SHADOW))).version == SHADOW
        await asyncio.sleep(0)
        assert len(shadow.calls) == 1
        assert mirrored.heard.copies == []

    mirrored.run(test)


@pytest.mark.parametrize(
    ("sent", "copied", "agreed"),
    [
        ({"probability": [0.5, 0.25]}, {"probability": [0.5, 0.25 + 2e-7]}, 2),
        ({"probability": [0.5, 0.25]}, {"probability": [0.5, 0.26]}, 1),
        ({"value": [1e6, 2e6]}, {"value": [1e6 + 0.1, 2e6 + 10]}, 1),
        ({"probability": [0.5, 0.5]}, {"value": [0.5, 0.5]}, 0),
        ({"probabilities": [[0.2, 0.8], [0.5, 0.5]]}, {"probabilities": [[0.2, 0.8], [1, 0]]}, 1),
        (
            {"class": [b"a", b"b"], "probability": [0.5, 0.5]},
            {"class": [b"a", b"c"], "probability": [0.1, 0.5]},
            1,
        ),
    ],
)
def test_rows_agree_whose_classes_are_the_same_or_else_their_numbers(
    sent: dict[str, Any], copied: dict[str, Any], agreed: int
) -> None:
    def arrays(of: dict[str, Any]) -> Arrays:
        kinds = {"class": object}
        return {name: np.array(one, kinds.get(name, np.float64)) for name, one in of.items()}

    found = compared(arrays(sent), arrays(copied), 2)
    assert (found.compared, found.agreed) == (2, agreed)
