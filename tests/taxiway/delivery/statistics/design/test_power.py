"""The users that an experiment needs are what it then takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from taxiway.delivery.statistics.comparisons.means import Summary, mean_difference
from taxiway.delivery.statistics.design.power import plan


def test_a_tenth_of_a_deviation_takes_1570_users_per_arm_and_twice_that_where_one_peeks() -> None:
    """1,570: Cohen 1988, table 2.4.1, as any calculator says."""
    found = plan(effect=0.1, deviation=1.0)
    assert found.fixed == 1570
    assert 1.8 < found.price_of_peeking < 2.0


def test_a_rate_of_5_percent_that_is_to_be_6_takes_about_8000_users_per_arm() -> None:
    assert 7400 < plan(effect=0.01, deviation=math.sqrt(0.05 * 0.95)).fixed < 8200


@pytest.mark.parametrize(
    ("harder", "factor"),
    [({"effect": 0.05}, 4.0), ({"deviation": 2.0}, 4.0), ({"variance_left": 0.5}, 0.5)],
)
def test_users_grow_with_the_noise_over_the_effect_squared(
    harder: dict[str, float], factor: float
) -> None:
    usual, other = (
        plan(**{"effect": 0.1, "deviation": 1.0}),
        plan(**{"effect": 0.1, "deviation": 1.0} | harder),
    )
    assert other.fixed == pytest.approx(factor * usual.fixed, rel=0.002)
    assert other.sequential == pytest.approx(factor * usual.sequential, rel=0.002)


def test_more_arms_more_power_and_less_alpha_take_more_users() -> None:
    usual = plan(0.1, 1.0)
    for other in (plan(0.1, 1.0, arms=4), plan(0.1, 1.0, power=0.9), plan(0.1, 1.0, alpha=0.01)):
        assert other.fixed > usual.fixed
        assert other.sequential > usual.sequential
    assert plan(0.1, 1.0, alpha=0.05, arms=3) == plan(0.1, 1.0, alpha=0.025)


def test_an_effect_may_be_a_loss_or_great() -> None:
    assert plan(-0.1, 1.0) == plan(0.1, 1.0)
    assert plan(100.0, 1.0).fixed == 2


@pytest.mark.one_stack
def test_what_is_planned_for_is_found_and_mostly_sooner() -> None:
    """1,000 experiments with the effect, looked at 30 times up to the planned users."""
    effect, looks = 0.2, 30
    found = plan(effect, 1.0)
    sizes = np.linspace(60, found.sequential, looks).astype(int)
    each = np.diff(sizes, prepend=0)
    made = np.random.default_rng(5)
    ended = []
    for _ in range(1000):
        totals = [np.cumsum(made.normal(mean * each, np.sqrt(each))) for mean in (0.0, effect)]
        ends = found.sequential * 2
        for look, size in enumerate(sizes):
            arms = (Summary(int(size), float(total[look] / size), 1.0) for total in totals)
            if mean_difference(*arms, planned=found.sequential).lower > 0.0:
                ends = int(size)
                break
        ended.append(ends)
    found_in_time = np.mean(np.array(ended) <= found.sequential)
    assert 0.8 <= found_in_time <= 0.9
    assert np.median(ended) < 0.75 * found.sequential
