"""Percentiles of latencies: what the bounds of their ratio hold, and what they find."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest

from taxiway.delivery.evidence.measured import latency_bucket, latency_of
from taxiway.delivery.statistics.comparisons.effect import Effect
from taxiway.delivery.statistics.comparisons.quantiles import quantile_ratio

BUCKET = 1.1


def latencies(made: np.random.Generator, count: int, factor: float = 1.0) -> Counter[int]:
    """About 20 ms, of which the slowest percent takes more than 60 ms."""
    return Counter(map(latency_bucket, factor * made.lognormal(-4.0, 0.5, count)))


def p99(control: Mapping[int, int], treatment: Mapping[int, int]) -> Effect:
    return quantile_ratio(control, treatment, 0.99, latency_of)


def test_an_estimate_is_the_percentile_to_the_width_of_a_bucket() -> None:
    made = np.random.default_rng(1)
    values = made.lognormal(-4.0, 0.5, 50_000)
    counts = Counter(map(latency_bucket, values))
    for quantile in (0.5, 0.95, 0.99):
        effect = quantile_ratio(counts, counts, quantile, latency_of)
        true = float(np.quantile(values, quantile))
        assert true <= effect.control <= true * BUCKET * 1.001
        assert effect.estimate == 1.0


@pytest.mark.parametrize("factor", [1.0, 1.37])
@pytest.mark.parametrize("quantile", [0.5, 0.99])
def test_the_bounds_hold_the_ratio_at_every_look(factor: float, quantile: float) -> None:
    wrong = 0
    for seed in range(60):
        made = np.random.default_rng(seed)
        control: Counter[int] = Counter()
        treatment: Counter[int] = Counter()
        ever = False
        for size in (1, 10, 100, 1000, 3000):
            control.update(latencies(made, 3 * size))
            treatment.update(latencies(made, size, factor))
            effect = quantile_ratio(control, treatment, quantile, latency_of)
            ever |= not effect.lower <= factor <= effect.upper
        wrong += ever
    assert wrong <= 3


def test_a_bound_is_a_rank_that_chance_does_not_reach() -> None:
    """By counting: below its 99th percentile are 990 of 1,000, give or take 3 in a normal look.

    The standard deviation is 3.1; bounds for all looks are 3 to 6 of them away.
    """
    counts = dict.fromkeys(range(1000), 1)
    effect = quantile_ratio(counts, {**dict.fromkeys(range(1000), 1)}, 0.99, float)
    # the ratio's bounds are those of the arms over each other: lower / upper and upper / lower
    lower_rank = 990 - 3.1 * 6, 990 - 3.1 * 3
    assert lower_rank[0] / 1000 < effect.lower < lower_rank[1] / 996
    assert effect.upper == pytest.approx(1 / effect.lower)


@pytest.mark.one_stack
def test_two_looks_at_a_thousand_requests_find_a_p99_that_is_half_as_long_again() -> None:
    found = 0
    for seed in range(50):
        made = np.random.default_rng(seed)
        control, treatment = latencies(made, 9000), latencies(made, 1000, 1.5)
        first = p99(control, treatment)
        control.update(latencies(made, 9000))
        treatment.update(latencies(made, 1000, 1.5))
        found += first.lower > 1.0 or p99(control, treatment).lower > 1.0
    assert found >= 48


def test_a_few_slow_requests_say_nothing_of_the_p99() -> None:
    made = np.random.default_rng(3)
    effect = p99(latencies(made, 1000), latencies(made, 100) + Counter({latency_bucket(9.0): 2}))
    assert effect.estimate > 10.0
    assert effect.lower < 1.0
    assert effect.upper == math.inf


def test_slow_requests_that_become_more_are_sure_from_the_count_on_whose_p_value_is_alpha() -> None:
    """Of one request more or less in ten thousand, so that there are some just beside it."""
    control = {60: 99_000, 61: 900, 100: 100}
    near = []
    for slow in range(100, 400, 2):
        effect = p99(control, {60: 10_000 - slow, 100: slow})
        assert (effect.lower >= 1.0) == (effect.p_value <= 0.05)
        near.append(effect.p_value)
    assert any(0.05 < p_value < 0.1 for p_value in near)
    assert any(0.025 < p_value < 0.05 for p_value in near)
