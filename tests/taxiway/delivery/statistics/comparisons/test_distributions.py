"""The distance of two distributions of scores."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy.stats import ks_2samp

from taxiway.delivery.evidence.measured import score_bucket
from taxiway.delivery.statistics.comparisons.distributions import distribution_distance


def scores(made: np.random.Generator, count: int, shape: float = 2.0) -> Counter[int]:
    return Counter(map(score_bucket, made.beta(shape, 5.0, count)))


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    made = np.random.default_rng(1)
    one, other = scores(made, 3000), scores(made, 2000, 2.5)
    known = ks_2samp(list(one.elements()), list(other.elements()))
    assert distribution_distance(one, other).estimate == pytest.approx(known.statistic)


def test_equal_distributions_are_never_apart_and_soon_known_to_be_near() -> None:
    apart = 0
    for seed in range(100):
        made = np.random.default_rng(seed)
        control: Counter[int] = Counter()
        treatment: Counter[int] = Counter()
        for size in (1, 10, 100, 500, 1400):
            control.update(scores(made, 3 * size))
            treatment.update(scores(made, size))
            effect = distribution_distance(control, treatment)
            apart += effect.lower > 0.0
        assert effect.upper < 0.1
    assert apart <= 5


def test_a_drift_is_known_to_be_greater_than_what_is_borne() -> None:
    """The distance of the two is 0.12."""
    made = np.random.default_rng(2)
    effect = distribution_distance(scores(made, 18_000), scores(made, 2000, 2.5))
    assert 0.05 < effect.lower < 0.12 < effect.upper < 0.2


@pytest.mark.parametrize("factor", [1.0, 1e6, -1e6])
def test_scores_of_any_size_are_told_apart(factor: float) -> None:
    """A regression's are not between 0 and 1; their buckets have high numbers, of both signs."""
    made = np.random.default_rng(3)
    one, other = (
        Counter(map(score_bucket, factor * made.lognormal(shift, 0.5, 5000)))
        for shift in (2.0, 2.3)
    )
    effect = distribution_distance(one, other)
    assert 0.1 < effect.lower < effect.estimate < effect.upper < 0.4


def test_bounds_of_the_distance_hold_at_the_edges_of_all_buckets_together() -> None:
    """Per edge each side is further than a normal look's 1.96 standard errors, by far."""
    counts = dict.fromkeys(range(100), 100)
    effect = distribution_distance(counts, counts)
    error = math.sqrt(0.5 * 0.5 * 2 / 10_000)
    assert 4.0 * error < effect.upper < 6.0 * error
