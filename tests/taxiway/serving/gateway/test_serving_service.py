"""A request goes to its arm, and where that fails to another that may answer: once, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import numpy as np
import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import DecisionLog, Limits, Serving
from taxiway.serving.gateway.answering.serving_service import ServingService
from taxiway.serving.requests.ask import Answer, Arrays, Ask
from taxiway.serving.worker.errors import WorkerError
from tests.taxiway.serving.backend.scripted import Call, Scripted, tenths
from tests.taxiway.serving.gateway.fleets import MODEL, GivenFleet, HeardEvidence, Kept

SPLIT = {"1.0.0": 0, "1.1.0": 10_000}
"""All of the traffic goes to the arm on trial, so that a test need not look for a key."""
ALL_STABLE = {"1.0.0": 10_000}

Test = Callable[[ServingService], Awaitable[None]]


def with_service(
    test: Test,
    fleet: GivenFleet,
    kept: Kept | None = None,
    *,
    key: str = "",
    evidence: HeardEvidence | None = None,
    **limits: Any,
) -> None:
    async def run() -> None:
        section = Serving(limits=Limits(**limits), log=DecisionLog(key=key))
        service = ServingService(fleet.as_fleet, section, kept or Kept(), evidence=evidence)
        try:
            await asyncio.wait_for(test(service), 20)
        finally:
            await service.close()

    asyncio.run(run())


def asking(*distances: Any, **others: Any) -> Ask:
    return Ask(MODEL, len(distances), {"distance": list(distances)}, **others)


def summary(answer: Answer) -> tuple[list[float], str, str, str, bool]:
    values = [round(float(one), 4) for one in answer.outputs["probability"]]
    return values, answer.version, answer.arm, answer.chosen, answer.fallback


def crashes(_: Call) -> Arrays:
    raise WorkerError("the model worker ended while answering (SIGKILL)", reason="crashed")


def hangs(_: Call) -> Arrays:
    raise WorkerError("no answer in time", reason="timeout")


def nan(call: Call) -> Arrays:
    return {"probability": tenths(call)["probability"] * np.nan}


def graph_refuses(_: Call) -> Arrays:
    raise WorkerError(
        "InvalidArgumentError: no such row", reason="model_error", kind="InvalidArgumentError"
    )


def test_an_answer_tells_its_version_its_arm_and_how_likely_that_was() -> None:
    kept = Kept()

    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        answer = await service.ask(asking(10, 20, request_id="r"))
        assert summary(answer) == ([1, 2], "1.0.0", "stable", "stable", False)
        assert (answer.number, answer.propensity) == (1, 1.0)
        ((ask, logged, seconds),) = kept.decisions
        assert (ask.request_id, logged) == ("r", answer)
        assert seconds > 0
        assert service.in_flight == 0

    fleet = GivenFleet(ALL_STABLE)
    with_service(test, fleet, kept)


@pytest.mark.parametrize("fails", [crashes, hangs, nan, graph_refuses])
def test_where_the_arm_on_trial_fails_the_stable_version_answers_and_it_is_logged(
    fails: Callable[[Call], Arrays],
) -> None:
    kept = Kept()

    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        fleet.load("1.1.0", Scripted(fails))
        answer = await service.ask(asking(10))
        assert summary(answer) == ([1], "1.0.0", "stable", "1.1.0", True)
        assert kept.decisions[0][1] is answer

    fleet = GivenFleet(SPLIT)
    with_service(test, fleet, kept)


@pytest.mark.parametrize(
    ("fails", "code"),
    [(crashes, Code.UNAVAILABLE), (nan, Code.FAILED), (graph_refuses, Code.INVALID)],
)
def test_who_names_a_version_is_told_why_that_one_does_not_answer(
    fails: Callable[[Call], Arrays], code: Code
) -> None:
    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        fleet.load("1.1.0", Scripted(fails))
        for version in ("1.1.0", "2"):
            with pytest.raises(Refusal) as refused:
                await service.ask(asking(10, version=version))
            assert refused.value.code is code
            fleet.load("1.1.0", Scripted(fails))

    fleet = GivenFleet({"1.0.0": 10_000, "1.1.0": 0})
    with_service(test, fleet)


def test_where_the_stable_version_is_lost_the_one_kept_warm_answers_at_once() -> None:
    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        fleet.load("1.1.0", Scripted(crashes))
        answer = await service.ask(asking(10))
        assert summary(answer) == ([1], "1.0.0", "1.0.0", "stable", True)

    fleet = GivenFleet({"1.1.0": 10_000}, warm=("1.0.0",))
    with_service(test, fleet)


def test_without_another_version_requests_wait_until_the_stable_one_is_loaded_again() -> None:
    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted(crashes))
        asked = [asyncio.create_task(service.ask(asking(10 * one))) for one in range(3)]
        while not fleet.failures:
            await asyncio.sleep(0)
        fleet.served["1.0.0"].move("LOADING", "its worker was lost")
        await asyncio.sleep(0)
        fleet.load("1.0.0", Scripted())
        answers = [summary(one) for one in await asyncio.gather(*asked)]
        assert answers == [([one], "1.0.0", "stable", "stable", False) for one in range(3)]

    fleet = GivenFleet(ALL_STABLE)
    with_service(test, fleet)


def test_a_request_that_ends_two_workers_is_not_tried_on_a_third() -> None:
    async def test(service: ServingService) -> None:
        versions = [Scripted(crashes) for _ in fleet.served]
        for name, version in zip(fleet.served, versions, strict=True):
            fleet.load(name, version)
        with pytest.raises(Refusal, match="SIGKILL") as refused:
            await service.ask(asking(10))
        assert refused.value.code is Code.UNAVAILABLE
        assert sum(len(version.calls) for version in versions) == 2

    fleet = GivenFleet(ALL_STABLE, warm=("0.8.0", "0.9.0"))
    with_service(test, fleet)


def ends_at_13(call: Call) -> Arrays:
    assert isinstance(call, Mapping)
    return crashes(call) if 13 in call["distance"] else tenths(call)


def test_those_that_were_asked_together_with_it_are_answered_apart_from_it() -> None:
    async def test(service: ServingService) -> None:
        first, second = Scripted(ends_at_13), Scripted()
        fleet.load("1.1.0", first)
        fleet.load("1.0.0", second)
        first.gate.clear()
        busy = asyncio.create_task(service.ask(asking(10)))
        await first.called(1)
        together = [asyncio.create_task(service.ask(asking(one))) for one in (20, 13, 30)]
        for _ in range(5):
            await asyncio.sleep(0)
        first.gate.set()
        await busy
        answers = await asyncio.gather(*together)
        assert [summary(one)[0] for one in answers] == [[2], [1.3], [3]]
        assert {len(call["distance"]) for call in second.calls if isinstance(call, Mapping)} == {1}

    fleet = GivenFleet({"1.1.0": 10_000}, warm=("1.0.0",))
    with_service(test, fleet)


def test_what_the_stable_versions_graph_refuses_is_the_requests_own_fault() -> None:
    async def test(service: ServingService) -> None:
        warm = Scripted()
        fleet.load("1.0.0", warm)
        fleet.load("1.1.0", Scripted(graph_refuses))
        with pytest.raises(Refusal, match="no such row") as refused:
            await service.ask(asking(10))
        assert refused.value.code is Code.INVALID
        assert warm.calls == []

    fleet = GivenFleet({"1.1.0": 10_000}, warm=("1.0.0",))
    with_service(test, fleet)


def test_a_decision_that_cannot_be_logged_is_not_told() -> None:
    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        with pytest.raises(Refusal, match="disk is full"):
            await service.ask(asking(10))

    fleet, kept = GivenFleet(ALL_STABLE), Kept()
    kept.refuses = Refusal(Code.UNAVAILABLE, "the disk is full")
    with_service(test, fleet, kept)


def test_before_a_version_answers_a_model_is_unavailable_and_others_are_unknown() -> None:
    async def test(service: ServingService) -> None:
        with pytest.raises(Refusal, match=r"1\.0\.0 is START") as refused:
            await service.ask(asking(10))
        assert refused.value.code is Code.UNAVAILABLE
        with pytest.raises(Refusal, match="'flihgts' is served here") as refused:
            await service.ask(Ask("flihgts", 1, {"distance": [1]}))
        assert refused.value.code is Code.NOT_FOUND

    fleet = GivenFleet(ALL_STABLE)
    fleet.table = type(fleet.table)({})
    with_service(test, fleet)


def test_versions_are_described_with_their_share_and_labels() -> None:
    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        found = {one.version: one for one in service.versions(MODEL)}
        assert list(found) == ["1.1.0", "1.0.0"]
        assert (found["1.0.0"].weight, found["1.0.0"].labels) == (0.75, ("stable",))
        assert (found["1.1.0"].weight, found["1.1.0"].state) == (0.25, "START")
        assert service.describe(MODEL) == found["1.0.0"]
        assert service.describe(MODEL, version="2") == found["1.1.0"]
        assert service.models() == [MODEL]
        assert not service.ready()
        with pytest.raises(Refusal, match="no model 'other' is served here"):
            service.versions("other")

    fleet = GivenFleet({"1.0.0": 7_500, "1.1.0": 2_500})
    with_service(test, fleet)


def test_the_arm_of_a_key_is_told_without_asking_it_and_its_stand_in_where_it_is_down() -> None:
    async def test(service: ServingService) -> None:
        version = Scripted()
        fleet.load("1.0.0", version)
        answer = service.choose(asking(1, key="ann"))
        assert (answer.arm, answer.chosen, answer.fallback) == ("stable", "1.1.0", True)
        fleet.load("1.1.0", Scripted())
        assert service.choose(asking(1, key="ann")).arm == "1.1.0"
        assert version.calls == []

    fleet = GivenFleet(SPLIT)
    with_service(test, fleet)


def test_the_column_of_keys_says_whose_a_request_is_unless_the_client_does() -> None:
    kept = Kept()

    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        await service.ask(asking(7, 8))
        await service.ask(asking(7.0))
        await service.ask(asking(None))
        await service.ask(asking(7, key="ann"))
        assert [ask.key for ask, *_ in kept.decisions] == ["7", "7", "", "ann"]

    fleet = GivenFleet(ALL_STABLE)
    with_service(test, fleet, kept, key="distance")


def takes_no_column(_: Call) -> Arrays:
    raise WorkerError("RequestError: no column 'distance'", reason="bad_request")


@pytest.mark.parametrize("fails", [crashes, hangs, nan, graph_refuses, takes_no_column])
def test_a_fallback_is_evidence_against_the_arm_that_failed_and_for_no_other(
    fails: Callable[[Call], Arrays],
) -> None:
    heard = HeardEvidence()

    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        fleet.load("1.1.0", Scripted(fails))
        assert summary(await service.ask(asking(10)))[1:] == ("1.0.0", "stable", "1.1.0", True)
        ((version, fault),) = heard.failures
        assert version == "1.1.0"
        assert getattr(fault, "nan_rows", 0) == (1 if fails is nan else 0)
        ((answer, choice),) = heard.answers
        assert (answer.fallback, choice.version, choice.revision) == (True, "1.1.0", 1)

    fleet = GivenFleet(SPLIT)
    with_service(test, fleet, evidence=heard)


def test_an_arm_that_is_not_loaded_has_failed_its_requests() -> None:
    heard = HeardEvidence()

    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        assert (await service.ask(asking(10))).fallback
        assert [one.version for one in heard.failures] == ["1.1.0"]

    fleet = GivenFleet(SPLIT)
    with_service(test, fleet, evidence=heard)


def test_an_arm_whose_queue_is_full_leaves_requests_to_the_stable_version() -> None:
    heard = HeardEvidence()

    async def test(service: ServingService) -> None:
        slow = Scripted()
        slow.gate.clear()
        fleet.load("1.0.0", Scripted())
        fleet.load("1.1.0", slow)
        first = asyncio.create_task(service.ask(asking(10)))
        await slow.called(1)
        second = asyncio.create_task(service.ask(asking(20)))
        await asyncio.sleep(0)
        answer = await service.ask(asking(30))
        assert summary(answer) == ([3], "1.0.0", "stable", "1.1.0", True)
        assert [one.fault.code for one in heard.failures] == [Code.BUSY]
        slow.gate.set()
        assert {(await one).version for one in (first, second)} == {"1.1.0"}

    fleet = GivenFleet(SPLIT)
    with_service(test, fleet, evidence=heard, queued_rows=1)


@pytest.mark.parametrize("fails", [graph_refuses, takes_no_column])
def test_what_every_version_refuses_is_the_requests_fault_and_evidence_of_nothing(
    fails: Callable[[Call], Arrays],
) -> None:
    heard = HeardEvidence()

    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted(fails))
        fleet.load("1.1.0", Scripted(fails))
        with pytest.raises(Refusal) as refused:
            await service.ask(asking(10))
        assert refused.value.code is Code.INVALID
        assert (heard.answers, heard.failures) == ([], [])

    fleet = GivenFleet(SPLIT)
    with_service(test, fleet, evidence=heard)


def test_where_all_versions_fail_each_is_told_the_chosen_one_first() -> None:
    heard = HeardEvidence()

    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted(nan))
        fleet.load("1.1.0", Scripted(nan))
        with pytest.raises(Refusal):
            await service.ask(asking(10))
        assert [one.version for one in heard.failures] == ["1.1.0", "1.0.0"]

    fleet = GivenFleet(SPLIT)
    with_service(test, fleet, evidence=heard)


def test_what_cannot_be_logged_is_no_fault_of_a_version() -> None:
    heard, kept = HeardEvidence(), Kept()
    kept.refuses = Refusal(Code.UNAVAILABLE, "the disk is full")

    async def test(service: ServingService) -> None:
        fleet.load("1.0.0", Scripted())
        with pytest.raises(Refusal, match="disk"):
            await service.ask(asking(10))
        assert (heard.answers, heard.failures) == ([], [])

    fleet = GivenFleet(ALL_STABLE)
    with_service(test, fleet, kept, evidence=heard)
