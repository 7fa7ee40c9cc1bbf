"""What an experiment takes is told before it starts."""

from __future__ import annotations

import json
import math

import pytest
from pydantic import ValidationError
from scipy.stats import norm

from taxiway.delivery.experiment.judging.planning import Before, planned
from tests.taxiway.delivery.experiment.trials import a_design

BEFORE = Before("log", 0.4, 0.5, 1.0, 1_000, 500.0)


def test_users_and_days_are_those_of_the_test_that_looks_once() -> None:
    told = planned(a_design(minimum_days=1), BEFORE)
    assert told.fixed is not None
    each = 2 * (0.5 / 0.1) ** 2 * (norm.ppf(0.975) + norm.ppf(0.8)) ** 2
    assert told.fixed.users == 2 * math.ceil(each)
    assert told.fixed.days == pytest.approx(told.fixed.users / 500)


def test_looking_often_has_its_price() -> None:
    told = planned(a_design(), BEFORE)
    assert told.sequential is not None
    assert 1.3 < told.price_of_peeking < 2.5
    assert told.to_json()["per_arm"] * 2 == told.sequential.users


def test_it_lasts_for_minimum_days_at_least() -> None:
    told = planned(a_design(minimum_days=14), BEFORE)
    assert told.fixed is not None
    assert told.fixed.days == 14


def test_unequal_shares_and_more_arms_take_more_users_and_a_covariate_fewer() -> None:
    def users(count: int = 2, variance_left: float = 1.0) -> int:
        before = Before("log", 0.4, 0.5, variance_left, 1_000, 500.0)
        size = planned(a_design(count), before).sequential
        assert size is not None
        return size.users

    assert users(3) > 1.5 * users()
    assert users(variance_left=0.5) == pytest.approx(users() / 2, rel=0.01)
    weights = [{"version": "1.0.0", "weight": 90}, {"version": "1.1.0", "weight": 10}]
    unequal = planned(a_design(arms=weights), BEFORE).sequential
    assert unequal is not None
    assert unequal.users == pytest.approx(users() * (1 / 0.9 + 1 / 0.1) / 4, rel=0.01)


def test_the_config_wins_over_the_log() -> None:
    metric = {"name": "reward", "effect": 0.1, "baseline": {"mean": 3, "standard_deviation": 1.0}}
    told = planned(a_design(primary_metric=metric, traffic_per_day=100), BEFORE)
    assert (told.before.source, told.before.mean, told.before.traffic_per_day) == (
        "config",
        3.0,
        100.0,
    )


def test_what_is_not_known_is_not_told() -> None:
    told = planned(a_design(), Before())
    assert (told.fixed, told.sequential, told.per_arm) == (None, None, None)
    assert json.loads(json.dumps(told.to_json(), allow_nan=False))["price_of_peeking"] is None


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"arms": [{"version": "1.0.0"}]}, "at least 2 items"),
        ({"arms": [{"version": "1.0.0"}] * 2}, "a version is there twice"),
        ({"arms": [{"version": "1", "weight": 50}, {"version": "2"}]}, "100 percent in all"),
        ({"arms": [{"version": "1", "weight": 99.999}, {"version": "2", "weight": 0.001}]}, "two"),
        ({"secondary_metrics": [{"name": "reward"}]}, "both primary and secondary"),
        ({"guardrails": [{"name": "a", "margin": 1}] * 2}, "guardrails: a metric is there twice"),
        ({"policy": {"kind": "weights", "weights": {"1.0.0": 1}}}, "are those of its arms"),
        (
            {
                "policy": {"kind": "ucb1"},
                "primary_metric": {"name": "latency_ms", "effect": 1},
            },
            "ucb1 learns from rewards that are posted",
        ),
        (
            {
                "policy": {"kind": "epsilon_greedy"},
                "primary_metric": {"name": "reward", "effect": 1, "goal": "decrease"},
            },
            "epsilon_greedy learns to increase the reward",
        ),
    ],
)
def test_a_design_that_cannot_be_is_refused(keys: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        a_design(**keys)


@pytest.mark.parametrize(("arms", "slots"), [(2, (5_000, 5_000)), (3, (3_334, 3_333, 3_333))])
def test_equal_shares_are_all_of_the_slots(arms: int, slots: tuple[int, ...]) -> None:
    assert a_design(arms).slots == slots
