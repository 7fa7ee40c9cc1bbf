"""Requests go together while the model is busy, and none pays for another's faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import numpy as np
import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Batching, Limits
from taxiway.serving.backend.batching import Batcher
from taxiway.serving.backend.fault import ModelFault
from taxiway.serving.requests.ask import Arrays, Ask
from taxiway.serving.worker.errors import WorkerError
from tests.taxiway.serving.backend.scripted import BATCHING, LIMITS, Call, Scripted, asking, tenths


def with_batcher(
    test: Callable[[Batcher, Scripted], Awaitable[None]],
    answers: Callable[[Call], Arrays] | None = None,
    batching: Batching = BATCHING,
    limits: Limits = LIMITS,
) -> None:
    async def run() -> None:
        version = Scripted(answers)
        batcher = Batcher(version, batching, limits)
        try:
            await asyncio.wait_for(test(batcher, version), 20)
        finally:
            await batcher.close()

    asyncio.run(run())


async def told(batcher: Batcher, ask: Ask) -> Any:
    """The answer as a list, or the refusal."""
    try:
        return (await batcher.ask(ask))["probability"].tolist()
    except Refusal as refusal:
        return refusal


async def while_busy(batcher: Batcher, version: Scripted, *asks: Ask) -> list[Any]:
    """What requests are told that come while the model answers another one."""
    version.gate.clear()
    first = asyncio.create_task(told(batcher, asking([1])))
    await version.called(1)
    others = [asyncio.create_task(told(batcher, ask)) for ask in asks]
    await asyncio.sleep(0)
    version.gate.set()
    await first
    return await asyncio.gather(*others)


def test_requests_that_come_while_the_model_is_busy_are_its_next_call() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        asks = [asking([10, 20]), asking([30], origin=["JFK"]), asking([None, 50])]
        assert await while_busy(batcher, version, *asks) == [[1, 2], [3], [0, 5]]
        assert version.calls[1:] == [
            {
                "distance": [10, 20, 30, None, 50],
                "origin": [None, None, "JFK", None, None],
            }
        ]

    with_batcher(test)


def test_requests_of_examples_are_asked_apart_from_those_of_columns() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        examples = Ask("flights", 2, None, examples=[b"four", b""], deadline=1e12)
        asks = [asking([10]), examples, asking([20]), examples]
        found = await while_busy(batcher, version, *asks)
        np.testing.assert_allclose(np.concatenate(found), [1, 0.4, 0, 2, 0.4, 0], rtol=1e-6)
        assert sorted(map(len, version.calls[1:])) == [1, 4]  # columns: one name; examples: four

    with_batcher(test)


def test_a_large_request_is_asked_in_parts_and_others_go_in_between() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        large = asking([10 * row for row in range(10)])
        found = await while_busy(batcher, version, large, asking([1, 2]))
        assert found[0] == list(range(10))
        np.testing.assert_allclose(found[1], [0.1, 0.2], rtol=1e-6)
        sizes = [len(call["distance"]) for call in version.calls[1:] if isinstance(call, Mapping)]
        assert sizes == [4, 2, 4, 2]

    with_batcher(test, batching=Batching(max_rows=4))


def test_a_request_without_rows_is_answered_with_none() -> None:
    async def test(batcher: Batcher, _: Scripted) -> None:
        assert await told(batcher, asking([])) == []

    with_batcher(test)


def test_what_the_signature_does_not_take_never_joins_others() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        wrong = asking([10], orign=["JFK"])
        good, bad = await while_busy(batcher, version, asking([10]), wrong)
        assert good == [1]
        assert (bad.code, bad.message) == (
            Code.INVALID,
            "unknown column 'orign'; did you mean 'origin'?",
        )
        assert len(version.calls) == 2

    with_batcher(test)


def refuses_thirteen(call: Call) -> Arrays:
    assert isinstance(call, Mapping)
    if 13 in call["distance"]:
        raise WorkerError(
            "InvalidArgumentError: column distance: expected no 13",
            reason="model_error",
            kind="InvalidArgumentError",
        )
    return tenths(call)


def test_of_a_call_that_the_graph_refuses_only_the_guilty_request_is_refused() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        asks = [asking([10]), asking([20, 13]), asking([30])]
        first, bad, last = await while_busy(batcher, version, *asks)
        assert (first, last) == ([1], [3])
        assert (bad.code, "expected no 13" in bad.message) == (Code.INVALID, True)

    with_batcher(test, refuses_thirteen)


def nan_for_none(call: Call) -> Arrays:
    answer = tenths(call)["probability"]
    assert isinstance(call, Mapping)
    for row, value in enumerate(call["distance"]):
        if value is None or np.isinf(value):
            answer[row] = np.nan
    return {"probability": answer}


def test_a_row_that_is_answered_nan_fails_its_own_request_alone() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        good, bad = await while_busy(batcher, version, asking([10]), asking([20, None]))
        assert good == [1]
        assert isinstance(bad, ModelFault)
        assert bad.code is Code.FAILED
        assert bad.message == (
            "the model's output 'probability' is nan for row 1, expected a finite number"
        )

    with_batcher(test, nan_for_none)


def test_who_sends_an_infinite_number_is_to_blame_for_the_nan() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        good, bad = await while_busy(batcher, version, asking([10]), asking([float("inf")]))
        assert good == [1]
        assert not isinstance(bad, ModelFault)
        assert bad.code is Code.INVALID
        assert "column 'distance' is infinite" in bad.message

    with_batcher(test, nan_for_none)


def test_an_answer_that_is_not_one_for_each_row_has_failed() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        found = await told(batcher, asking([1, 2]))
        assert isinstance(found, ModelFault)
        assert found.message == "the model's output 'probability' has shape [1] for 2 row(s)"

    with_batcher(test, lambda _: {"probability": np.zeros(1, np.float32)})


def test_a_full_queue_refuses_with_when_to_come_again_and_one_alone_always_fits() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        large = asking(list(range(100)))
        fits, busy = await while_busy(batcher, version, large, asking([1]))
        assert len(fits) == 100
        assert busy.code is Code.BUSY
        assert busy.retry_after > 0
        assert "100 rows wait" in busy.message

    with_batcher(test, limits=Limits(queued_rows=50))


def test_a_request_whose_deadline_passes_while_it_waits_is_never_asked() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        version.gate.clear()
        first = asyncio.create_task(told(batcher, asking([10])))
        await version.called(1)
        late = await told(batcher, asking([20], deadline=time.monotonic()))
        assert late.code is Code.DEADLINE
        version.gate.set()
        assert await first == [1]
        assert await told(batcher, asking([30])) == [3]
        assert [call["distance"] for call in version.calls if isinstance(call, Mapping)] == [
            [10],
            [30],
        ]

    with_batcher(test)


def test_one_whose_deadline_passes_in_the_model_is_told_so_and_the_version_goes_on() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        version.gate.clear()
        late = await told(batcher, asking([10], deadline=time.monotonic() + 0.01))
        assert late.code is Code.DEADLINE
        version.gate.set()
        assert await told(batcher, asking([20])) == [2]

    with_batcher(test)


def lost(_: Call) -> Arrays:
    raise WorkerError("the model worker ended while answering (SIGKILL)", reason="crashed")


def test_of_a_version_that_is_lost_all_are_told_and_who_only_waited_is_not_suspected() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        version.gate.clear()
        asked = asyncio.create_task(told(batcher, asking([1])))
        await version.called(1)
        waits = asyncio.create_task(told(batcher, asking([2])))
        await asyncio.sleep(0)
        version.gate.set()
        found = [await asked, await waits, await told(batcher, asking([3]))]
        assert [one.code for one in found] == [Code.UNAVAILABLE] * 3
        assert [one.asked for one in found] == [True, False, False]
        assert "SIGKILL" in found[0].message
        assert len(version.calls) == 1

    with_batcher(test, lost)


def test_a_suspect_shares_its_call_with_no_one() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        version.gate.clear()
        asked = [asyncio.create_task(told(batcher, asking([1])))]
        await version.called(1)
        alone = asyncio.ensure_future(batcher.ask(asking([2]), alone=True))
        await asyncio.sleep(0)
        asked += [asyncio.create_task(told(batcher, asking([one]))) for one in (3, 4)]
        await asyncio.sleep(0)
        version.gate.set()
        await asyncio.gather(alone, *asked)
        calls = [call["distance"] for call in version.calls if isinstance(call, Mapping)]
        assert calls == [[1], [2], [3, 4]]

    with_batcher(test)


def test_a_client_that_leaves_is_not_asked_for() -> None:
    async def test(batcher: Batcher, version: Scripted) -> None:
        version.gate.clear()
        first = asyncio.create_task(told(batcher, asking([1])))
        await version.called(1)
        gone = asyncio.create_task(told(batcher, asking([2])))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        version.gate.set()
        await first
        await told(batcher, asking([3]))
        calls = [call["distance"] for call in version.calls if isinstance(call, Mapping)]
        assert calls == [[1], [3]]

    with_batcher(test)


@pytest.mark.parametrize("reason", ["bad_request", "model_error"])
def test_an_error_of_one_call_leaves_the_version_answering(reason: Any) -> None:
    wrong = [WorkerError("ResourceExhaustedError: OOM", reason=reason, kind="X")]

    def answers(call: Call) -> Arrays:
        if wrong:
            raise wrong.pop()
        return tenths(call)

    async def test(batcher: Batcher, _: Scripted) -> None:
        found = await told(batcher, asking([10]))
        assert found.code is (Code.INVALID if reason == "bad_request" else Code.FAILED)
        assert await told(batcher, asking([10])) == [1]

    with_batcher(test, answers)
