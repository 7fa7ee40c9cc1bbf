"""Which requests are evidence of which version, and which decisions a reward may come of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.delivery.evidence.measured import Measured, Pairs
from taxiway.delivery.evidence.records import AUDIENCE, OTHERS, SHADOW, Segment
from taxiway.delivery.section import Rewards
from taxiway.serving.backend.fault import ModelFault
from taxiway.serving.decisions.record import Reward
from taxiway.serving.delivering.evidence import LiveEvidence
from taxiway.serving.delivering.measuring.meter import Meter
from taxiway.serving.delivering.rewards.live import LiveRewards
from taxiway.serving.requests.ask import Answer, Ask
from taxiway.serving.routing.choose import NAMED, OUTSIDE, OVERRIDE, SINGLE, WEIGHTS, Choice
from taxiway.serving.routing.evidence import Failure
from tests.taxiway.serving.delivering.conftest import MODEL, WINDOW, Log, run

ASK = Ask(MODEL, 2, {"weight": [1.0, 2.0]}, request_id="r-1", key="ann")
CANARY = Choice("1.1.0", "1.1.0", 2, "/2", 0.1, WEIGHTS, {"1.0.0": 0.9, "1.1.0": 0.1}, 4)


class Heard:
    """Evidence, and what it has made of requests."""

    def __init__(self) -> None:
        self.meter = Meter("", WINDOW)
        self.rewards = LiveRewards(Log(), self.meter, Rewards(), WINDOW, lambda *_: None)
        self.evidence = LiveEvidence(self.meter, self.rewards, lambda ask, choice: choice.arm)

    def measured(self) -> dict[tuple[str, int, Segment], Measured]:
        """By version, revision and segment."""
        return {
            (one.of.version, one.of.revision, one.of.segment): one.measured
            for one in self.meter.changed()
        }

    def told(self, value: float, **named: Any) -> None:
        """A reward."""
        run(self.rewards.record_reward(Reward(named.pop("request_id", ""), value, MODEL, **named)))


@pytest.fixture
def heard() -> Heard:
    return Heard()


def answer(**changes: Any) -> Answer:
    made = Answer({"value": np.array([0.5, 0.5])}, "1.1.0", 2, arm="1.1.0", propensity=0.1)
    return replace(made, **changes)


def test_an_answer_is_of_the_version_revision_and_segment_that_it_went_by(heard: Heard) -> None:
    heard.evidence.answered(ASK, answer(), CANARY, 0.01)
    outside = CANARY._replace(version="1.0.0", policy=OUTSIDE, segment=OTHERS)
    heard.evidence.answered(ASK, answer(version="1.0.0"), outside, 0.01)
    found = heard.measured()
    assert set(found) == {("1.1.0", 4, AUDIENCE), ("1.0.0", 4, OTHERS)}
    assert (found["1.1.0", 4, AUDIENCE].rows, found["1.1.0", 4, AUDIENCE].scores) == (2, {50: 2})


@pytest.mark.parametrize("policy", [NAMED, OVERRIDE])
def test_a_request_that_names_its_version_is_no_evidence(heard: Heard, policy: str) -> None:
    named = CANARY._replace(policy=policy)
    heard.evidence.answered(ASK, answer(), named, 0.01)
    heard.evidence.failed(ASK, named, Failure("1.1.0", Refusal(Code.UNAVAILABLE, "gone")))
    assert heard.measured() == {}


def test_a_version_that_fails_has_the_error_and_the_one_that_answers_has_nothing(
    heard: Heard,
) -> None:
    fault = ModelFault(Code.FAILED, "told to fail")
    heard.evidence.failed(ASK, CANARY, Failure("1.1.0", fault))
    fell = answer(version="1.0.0", arm="stable", fallback=True, chosen="1.1.0")
    heard.evidence.answered(ASK, fell, CANARY, 0.02)
    found = heard.measured()
    assert set(found) == {("1.1.0", 4, AUDIENCE)}
    canary = found["1.1.0", 4, AUDIENCE]
    assert (canary.requests, canary.errors, canary.rows, canary.latency) == (1, 1, 0, {})


def test_where_the_stand_in_fails_too_it_is_one_request_and_one_error(heard: Heard) -> None:
    fault = ModelFault(Code.FAILED, "told to fail")
    for version in ("1.1.0", "1.0.0"):
        heard.evidence.failed(ASK, CANARY, Failure(version, fault))
    found = heard.measured()
    assert {key[0]: one.errors for key, one in found.items()} == {"1.1.0": 1}


def test_an_answer_that_was_nan_is_an_error_whose_rows_are_known(heard: Heard) -> None:
    fault = ModelFault(Code.FAILED, "nan", nan_rows=1)
    heard.evidence.failed(ASK, CANARY, Failure("1.1.0", fault))
    (canary,) = heard.measured().values()
    assert (canary.errors, canary.rows, canary.nan_rows) == (1, 2, 1)


def test_what_copies_have_shown_is_added_up(heard: Heard) -> None:
    one = Measured(requests=1, rows=2, latency={50: 1}, pairs=Pairs(compared=2, agreed=1))
    for _ in range(2):
        heard.evidence.mirrored(MODEL, 4, "1.1.0", one)
    found = heard.measured()["1.1.0", 4, SHADOW]
    assert (found.requests, found.latency) == (2, {50: 2})
    assert (found.pairs.compared, found.pairs.agreed) == (4, 2)


def test_a_reward_counts_for_a_decision_between_arms(heard: Heard) -> None:
    heard.evidence.answered(ASK, answer(), CANARY, 0.01)
    heard.told(3.0, request_id="r-1")
    heard.told(4.0, key="ann")  # of all of ann's, which is the same one
    (canary,) = heard.measured().values()
    assert (canary.rewards["reward"].count, canary.rewards["reward"].total) == (1, 4.0)


@pytest.mark.parametrize("policy", [SINGLE, OUTSIDE])
def test_a_decision_that_no_arm_has_competed_for_is_not_remembered(
    heard: Heard, policy: str
) -> None:
    heard.evidence.answered(ASK, answer(), CANARY._replace(policy=policy), 0.01)
    heard.told(3.0, request_id="r-1")
    (found,) = heard.measured().values()
    assert found.rewards == {}
