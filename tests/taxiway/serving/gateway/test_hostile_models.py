"""A hostile version harms itself alone: what it was asked is answered, others notice nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Limits, ProcessBackend, Serving
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.backend.process import load
from taxiway.serving.fleet.life import Life
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.gateway.answering.serving_service import ServingService
from taxiway.serving.requests.ask import Answer, Ask
from tests.taxiway.serving.gateway.fleets import MODEL, GivenFleet, HeardEvidence, Kept
from tests.taxiway.serving.obedient import save_obedient

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model_worker")]

GOOD, HOSTILE = "1.0.0", "1.1.0"
LIMITS = Limits(call_seconds=2, seconds=60)
BACKEND = ProcessBackend(kind="process", memory_limit_mb=1024)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The good model, and the one that does as it is told."""
    return {
        GOOD: save_obedient(tmp_path_factory.mktemp("good"), obeys=False),
        HOSTILE: save_obedient(tmp_path_factory.mktemp("hostile")),
    }


def with_both(
    places: dict[str, Path],
    test: Callable[[ServingService, GivenFleet], Awaitable[None]],
    fleet: GivenFleet | None = None,
    heard: HeardEvidence | None = None,
) -> None:
    """Runs a test while someone asks the good version all the time, and is always answered."""
    fleet = fleet or GivenFleet({GOOD: 0, HOSTILE: 10_000})

    async def run() -> None:
        section = Serving(limits=LIMITS)
        service = ServingService(fleet.as_fleet, section, Kept(), evidence=heard)

        def bring_up(served: ServedVersion) -> Awaitable[LoadedVersion]:
            return load(places[served.version], BACKEND, LIMITS)

        lives = [
            Life(
                served,
                bring_up,
                restarts_per_minute=5,
                in_flight_seconds=1,
                on_change=lambda _: None,
            )
            for served in fleet.served.values()
        ]
        await asyncio.gather(*(life.ready() for life in lives))
        others = asyncio.create_task(ask_forever(service))
        try:
            await asyncio.wait_for(test(service, fleet), 120)
            assert not others.done(), others.exception()
        finally:
            others.cancel()
            await asyncio.wait([others])
            await service.close()
            await asyncio.gather(*(life.unload() for life in lives))

    asyncio.run(run())


async def ask_forever(service: ServingService) -> None:
    while True:
        answer = await service.ask(asking("", label="stable"))
        np.testing.assert_allclose(answer.outputs["probability"], [1.0], rtol=1e-6)
        await asyncio.sleep(0.05)


def asking(order: str, **named: Any) -> Ask:
    return Ask(MODEL, 1, {"order": [order], "distance": [10.0]}, **named)


def told(answer: Answer) -> tuple[list[float], str, bool]:
    values = [round(float(one), 4) for one in answer.outputs["probability"]]
    return values, answer.version, answer.fallback


FELL_BACK = ([1.0], GOOD, True)


async def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


def test_a_hostile_version_fails_no_request_that_may_be_answered_by_another(
    places: dict[str, Path],
) -> None:
    async def test(service: ServingService, fleet: GivenFleet) -> None:
        hostile = fleet.served[HOSTILE]
        assert told(await service.ask(asking(""))) == ([1.0], HOSTILE, False)
        assert told(await service.ask(asking("nan"))) == FELL_BACK
        assert told(await service.ask(asking("refuse"))) == FELL_BACK
        with pytest.raises(Refusal, match=r"output 'probability' is nan for row 0") as refused:
            await service.ask(asking("nan", version=HOSTILE))
        assert refused.value.code is Code.FAILED
        assert hostile.restarts == 0

        asked = [service.ask(asking(one)) for one in ("", "forever", "")]
        answers = [told(one) for one in await asyncio.gather(*asked)]
        assert answers == [FELL_BACK] * 3
        await until(lambda: hostile.restarts == 1 and hostile.loaded is not None)
        assert told(await service.ask(asking(""))) == ([1.0], HOSTILE, False)

        with pytest.raises(Refusal) as refused:
            await service.ask(asking("eat", version=HOSTILE))
        assert refused.value.code in {Code.UNAVAILABLE, Code.FAILED}
        assert told(await service.ask(asking("")))[0] == [1.0]

    with_both(places, test)


def test_a_hostile_shadow_fails_no_request_whatever_it_is_sent(places: dict[str, Path]) -> None:
    heard = HeardEvidence()
    fleet = GivenFleet({GOOD: 10_000}, warm=(HOSTILE,), mirrored=HOSTILE)

    async def test(service: ServingService, fleet: GivenFleet) -> None:
        hostile = fleet.served[HOSTILE]

        async def sent(*orders: str) -> None:
            copies = len(heard.copies)
            asked = [service.ask(asking(one)) for one in orders]
            for answer in await asyncio.gather(*asked):
                assert told(answer) == ([1.0], GOOD, False)
            await until(lambda: len(heard.copies) == copies + len(orders))

        await sent("", "nan", "refuse")
        assert (heard.sum.requests, heard.sum.errors, heard.sum.nan_rows) == (3, 2, 1)
        assert (heard.sum.pairs.compared, heard.sum.pairs.agreed) == (1, 1)
        await sent("forever", *[""] * 5)
        await until(lambda: hostile.restarts == 1 and hostile.loaded is not None)
        assert hostile.watched is not None
        assert hostile.watched.pid is not None
        os.kill(hostile.watched.pid, signal.SIGKILL)
        await sent(*[""] * 5)
        assert heard.failures == []

    with_both(places, test, fleet, heard)
