"""What a look finds: by the usual conditions, by given ones, and with too little to go by."""

from __future__ import annotations

from typing import Any

import pytest

from taxiway.delivery.analysis.look import Look, Verdict, together
from taxiway.delivery.analysis.metrics import METRICS, conditions_of
from taxiway.delivery.analysis.verdict import take_look
from taxiway.delivery.evidence.measured import Measured, Moments, Pairs, latency_bucket
from taxiway.delivery.section import Analysis, Metric

MANY = 100_000


def measured(
    requests: int = MANY,
    errors: float = 0.01,
    nan: float = 0.001,
    seconds: float = 0.010,
    score: int = 30,
    reward: float = 1.0,
) -> Measured:
    """So many requests, an eighth of which take three times as long as the others."""
    slow = requests // 8
    latency = {latency_bucket(seconds): requests - slow, latency_bucket(3 * seconds): slow}
    scores = {score: requests // 2, score + 20: requests - requests // 2}
    squares = requests * (reward * reward + 1.0)
    rewards = {"reward": Moments(requests, requests * reward, squares)}
    failed, missing = round(requests * errors), round(requests * nan)
    return Measured(requests, failed, requests, missing, latency, scores, rewards)


STABLE = measured()
WORSE: dict[str, Measured] = {
    "error_rate": measured(errors=0.03),
    "latency_p50": measured(seconds=0.015),
    "latency_p95": measured(seconds=0.015),
    "latency_p99": measured(seconds=0.015),
    "nan_rate": measured(nan=0.005),
    "score": measured(score=40),
    "reward": measured(reward=0.9),
}


def look(
    canary: Measured, *metrics: dict[str, Any], stable: Measured = STABLE, **more: Any
) -> Look:
    analysis = Analysis.model_validate({"metrics": metrics, **more})
    return take_look(analysis, stable, canary, 0.05, 12.5)


@pytest.mark.parametrize("name", METRICS)
class TestMetrics:
    """Each in the table."""

    def test_one_that_is_equal_succeeds(self, name: str) -> None:
        assert look(measured(), {"name": name}).verdict == "success"

    def test_one_that_is_worse_fails(self, name: str) -> None:
        found = look(WORSE[name], {"name": name})
        assert found.verdict == "failure"
        assert found.reason().startswith(name)

    def test_one_that_is_better_succeeds(self, name: str) -> None:
        if name != "score":  # which has no better
            assert look(STABLE, {"name": name}, stable=WORSE[name]).verdict == "success"

    def test_one_that_is_worse_by_less_than_is_borne_succeeds(self, name: str) -> None:
        assert look(WORSE[name], {"name": name, "margin": 0.9}).verdict == "success"

    def test_one_with_few_requests_tells_nothing_whatever_is_asked(self, name: str) -> None:
        always = {"successCondition": "lower > -9 or lower < 9", "failureCondition": "lower > 9"}
        found = look(measured(99), {"name": name, **always})
        assert found.verdict == "inconclusive"
        assert found.metrics[0].why == "canary has 99, expected 100 or more"

    def test_one_of_which_nothing_is_known_tells_nothing(self, name: str) -> None:
        assert look(Measured(), {"name": name}, stable=Measured()).verdict == "inconclusive"

    def test_it_is_the_same_after_a_database_had_it(self, name: str) -> None:
        found = look(measured(200), {"name": name})
        assert Look.from_json(found.to_json()) == found


def test_conditions_of_the_config_decide() -> None:
    rate = {"name": "error_rate"}
    canary = measured(errors=0.03)
    for success, failure, verdict in (
        ("canary < 0.04", "canary > 0.05", "success"),
        ("canary < 0.02", "canary > 0.05", "inconclusive"),
        ("canary < 0.04", "difference > 0.015", "failure"),  # which wins, as Argo Rollouts has it
        ("upper < 0.03 and lower > 0.01", "stable > 0.02", "success"),
    ):
        given = rate | {"successCondition": success, "failureCondition": failure}
        assert look(canary, given).verdict == verdict, (success, failure)


def test_one_condition_that_is_given_leaves_the_other_as_is_usual() -> None:
    metric = Metric(name="error_rate", successCondition="upper < 0.5")
    assert conditions_of(metric) == ("upper < 0.5", "lower > 0 and upper >= 0.005")
    assert conditions_of(Metric(name="reward", margin=0.2)) == (
        "lower > -0.2",
        "upper < 0 and lower <= -0.2",
    )


def test_a_reward_is_the_one_that_is_named() -> None:
    canary = measured()
    canary.rewards["clicks"] = Moments(MANY, 0.1 * MANY, 0.1 * MANY)
    stable = measured()
    stable.rewards["clicks"] = Moments(MANY, 0.2 * MANY, 0.2 * MANY)
    assert look(canary, {"name": "reward", "reward": "clicks"}, stable=stable).verdict == "failure"
    assert look(canary, {"name": "reward"}, stable=stable).verdict == "success"


def test_of_a_shadow_it_says_how_far_its_answers_are_from_those_that_were_sent() -> None:
    canary = measured()
    canary.pairs = Pairs(200, 150, Moments(200, 4.0, 1.0), 7)
    assert look(canary, {"name": "score"}).shadow == {
        "compared": 200,
        "agreed": 0.75,
        "drift": 0.02,
        "dropped": 7,
    }
    assert look(measured(), {"name": "score"}).shadow == {}


def test_alpha_is_shared_by_the_metrics() -> None:
    one = look(measured(), {"name": "error_rate"}).metrics[0]
    other = look(measured(), {"name": "error_rate"}, {"name": "nan_rate"}).metrics[0]
    assert one.upper is not None
    assert other.upper is not None
    assert one.upper < other.upper


def test_one_that_fails_fails_all_and_one_that_tells_nothing_leaves_all_open() -> None:
    cases: list[tuple[list[Verdict], Verdict]] = [
        (["success", "success"], "success"),
        (["success", "inconclusive"], "inconclusive"),
        (["success", "inconclusive", "failure"], "failure"),
        ([], "inconclusive"),
    ]
    for verdicts, expected in cases:
        assert together(verdicts) == expected
