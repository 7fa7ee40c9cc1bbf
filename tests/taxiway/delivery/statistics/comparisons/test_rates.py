"""Rates of errors: exact for few requests, whenever one looks, and sure soon of what is bad."""

from __future__ import annotations

import numpy as np
import pytest

from taxiway.delivery.statistics.comparisons.rates import Rate, rate_difference

ALPHA = 0.2
"""Great, so that a few requests can be enough for a false alarm."""
FEW = 20
"""Requests of each arm, looked at after each pair."""


@pytest.fixture(scope="module")
def alarms() -> list[np.ndarray]:
    """After so many pairs, for which counts of errors a difference is believed in."""
    found = []
    for size in range(1, FEW + 1):
        alarm = np.zeros((size + 1, size + 1), bool)
        for low in range(size + 1):
            for high in range(low + 1, size + 1):
                effect = rate_difference(Rate(low, size), Rate(high, size), ALPHA)
                alarm[low, high] = alarm[high, low] = effect.p_value <= ALPHA
        found.append(alarm)
    return found


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3, 0.5, 0.8])
def test_few_requests_looked_at_after_each_give_at_most_alpha_false_alarms(
    rate: float, alarms: list[np.ndarray]
) -> None:
    """Exact: the probability of each pair of counts that no look has raised an alarm at yet."""
    one = np.array([1.0 - rate, rate])
    quiet, alarmed = np.ones((1, 1)), 0.0
    for alarm in alarms:
        grown = np.zeros(alarm.shape)
        for control in (0, 1):
            for treatment in (0, 1):
                rows, columns = quiet.shape
                grown[control : control + rows, treatment : treatment + columns] += (
                    one[control] * one[treatment] * quiet
                )
        alarmed += float(grown[alarm].sum())
        quiet = np.where(alarm, 0.0, grown)
    assert alarmed + quiet.sum() == pytest.approx(1.0)
    assert alarmed <= ALPHA


def test_few_requests_can_be_enough_where_the_difference_is_great() -> None:
    assert rate_difference(Rate(0, 20), Rate(20, 20)).lower > 0.4
    assert rate_difference(Rate(0, 20), Rate(2, 20)).lower < 0.0


@pytest.mark.one_stack
def test_a_canary_whose_errors_are_equal_has_bounds_that_hold_at_every_look() -> None:
    wrong = 0
    for seed in range(200):
        made = np.random.default_rng(seed)
        control, treatment = Rate(0, 0), Rate(0, 0)
        ever = False
        for size in (20, 100, 300, 1000, 3000, 9000):
            control = Rate(
                control.events + made.binomial(9 * size, 0.01), control.trials + 9 * size
            )
            treatment = Rate(treatment.events + made.binomial(size, 0.01), treatment.trials + size)
            effect = rate_difference(control, treatment)
            ever |= not effect.lower <= 0.0 <= effect.upper
        wrong += ever
    assert wrong <= 10  # 5 % of 200; about 3 are expected


@pytest.mark.parametrize(("before", "after"), [(0.01, 0.03), (0.0, 0.005)])
def test_two_looks_at_a_thousand_requests_find_a_bad_canary(before: float, after: float) -> None:
    found = 0
    for seed in range(50):
        made = np.random.default_rng(seed)
        failed = made.binomial([9000, 9000, 1000, 1000], [before, before, after, after])
        looks = (
            rate_difference(Rate(int(failed[0]), 9000), Rate(int(failed[2]), 1000)),
            rate_difference(Rate(int(failed[:2].sum()), 18_000), Rate(int(failed[2:].sum()), 2000)),
        )
        found += any(look.lower > 0.0 for look in looks)
    assert found >= 48


def test_no_error_in_so_many_requests_bounds_the_rate_by_some_over_so_many() -> None:
    """The rule of three says 3 / n for one look; looking always costs about twice that."""
    effect = rate_difference(Rate(0, 100_000), Rate(0, 1000))
    assert 3 / 1000 < effect.upper < 8 / 1000
    assert 3 / 100_000 < -effect.lower < 8 / 100_000


def test_errors_that_become_more_are_sure_from_the_count_on_whose_p_value_is_alpha() -> None:
    """Of counts that differ by one in ten thousand, so that there are some just beside it."""
    near = []
    for events in range(1000, 1500, 4):
        effect = rate_difference(Rate(1000, 10_000), Rate(events, 10_000))
        assert (effect.lower > 0.0) == (effect.p_value <= 0.05)
        near.append(effect.p_value)
    assert any(0.05 < p_value < 0.1 for p_value in near)
    assert any(0.025 < p_value < 0.05 for p_value in near)
