"""Arms whose sizes do not fit their weights withhold the result."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from taxiway.delivery.statistics.design.sample_ratio import sample_ratio


def test_44000_against_45000_is_a_mismatch() -> None:
    found = sample_ratio([44_000, 45_000], [0.5, 0.5])
    assert found.p_value == pytest.approx(0.000802, abs=1e-6)
    assert found.mismatch
    assert found.expected == (44_500.0, 44_500.0)


def test_44250_against_44750_is_chance() -> None:
    assert not sample_ratio([44_250, 44_750], [0.5, 0.5]).mismatch


@pytest.mark.parametrize(
    ("counts", "weights"), [([900, 100], [9, 1]), ([510, 240, 250], [2, 1, 1]), ([95, 5], [90, 10])]
)
def test_it_is_the_chi_square_test_of_weights_of_any_scale(
    counts: list[int], weights: list[float]
) -> None:
    known = chisquare(counts, np.array(weights) * sum(counts) / sum(weights))
    assert sample_ratio(counts, weights).p_value == pytest.approx(known.pvalue)
    assert not sample_ratio(counts, weights).mismatch


def test_a_mismatch_is_told_by_the_weights_and_not_by_equal_arms() -> None:
    assert sample_ratio([5000, 5000], [9, 1]).mismatch
    assert not sample_ratio([9000, 1000], [9, 1]).mismatch


def test_an_arm_without_a_weight_has_no_users_or_there_is_a_mismatch() -> None:
    assert not sample_ratio([500, 500, 0], [1, 1, 0]).mismatch
    assert sample_ratio([500, 500, 1], [1, 1, 0]).mismatch


@pytest.mark.parametrize("counts", [[0, 0], [1, 0], [3, 2]])
def test_few_users_are_no_mismatch(counts: list[int]) -> None:
    found = sample_ratio(counts, [1, 1])
    assert not found.mismatch
    assert found.always_valid > 0.5


def test_looking_30_times_alarms_at_most_in_15_of_1000_sound_experiments() -> None:
    """At p < 0.05 it would in about 280; what is always valid may at most in 50."""
    made = np.random.default_rng(4)
    often = rare = valid = 0
    for counts in np.cumsum(made.binomial(100, 0.3, (1000, 30)), axis=1):
        looks = [
            sample_ratio([int(one), 100 * (look + 1) - int(one)], [3, 7])
            for look, one in enumerate(counts)
        ]
        often += any(look.p_value < 0.05 for look in looks)
        rare += any(look.mismatch for look in looks)
        valid += any(look.always_valid < 0.05 for look in looks)
    assert often > 200
    assert rare <= 15
    assert valid <= 50


def test_the_always_valid_test_finds_a_mismatch_that_lasts() -> None:
    assert sample_ratio([88_000, 90_000], [1, 1]).always_valid < 0.001
