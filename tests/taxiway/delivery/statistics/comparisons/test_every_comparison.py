"""What holds of the bounds of every comparison, whatever the counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxiway.delivery.evidence.measured import Moments, latency_of
from taxiway.delivery.statistics.comparisons.distributions import distribution_distance
from taxiway.delivery.statistics.comparisons.effect import Effect
from taxiway.delivery.statistics.comparisons.means import (
    Summary,
    mean_difference,
    relative_difference,
)
from taxiway.delivery.statistics.comparisons.quantiles import quantile_ratio
from taxiway.delivery.statistics.comparisons.rates import Rate, rate_difference

SEVERAL = 4
"""How many times as much is observed where bounds must be narrower."""


class Case(NamedTuple):
    """A comparison, what it is given, and what its effect is when the arms are swapped."""

    compare: Callable[[Any, Any, float], Effect]
    arms: st.SearchStrategy[Any]
    more: Callable[[Any], Any]
    nothing: Any
    no_difference: float
    swapped: Callable[[float], float] | None
    excludes: Callable[[Effect], bool] = lambda effect: effect.lower > 0.0 or effect.upper < 0.0


def rate_of(trials: int, share: float) -> Rate:
    return Rate(round(trials * share), trials)


def inverse(value: float) -> float:
    return 1.0 / value if value else math.inf


RATES = st.builds(rate_of, st.integers(0, 5000), st.sampled_from([0, 0.001, 0.01, 0.2, 1]))
HISTOGRAMS = st.dictionaries(st.integers(60, 90), st.integers(1, 2000), max_size=8)
SUMMARIES = st.builds(
    lambda count, mean, variance: Summary(
        count, mean if count else math.nan, variance if count > 1 else math.nan
    ),
    st.integers(0, 10_000),
    st.floats(-10, 10),
    st.floats(0, 100),
)

CASES = {
    "rate_difference": Case(
        rate_difference,
        RATES,
        lambda one: Rate(SEVERAL * one.events, SEVERAL * one.trials),
        Rate(0, 0),
        0.0,
        lambda value: -value,
    ),
    "mean_difference": Case(
        mean_difference,
        SUMMARIES,
        lambda one: Summary(SEVERAL * one.count, one.mean, one.variance),
        Summary(0, math.nan, math.nan),
        0.0,
        lambda value: -value,
    ),
    "relative_difference": Case(
        relative_difference,
        SUMMARIES,
        lambda one: Summary(SEVERAL * one.count, one.mean, one.variance),
        Moments(),
        0.0,
        None,  # a tenth more is a share of one arm, a tenth less of the other
    ),
    "quantile_ratio": Case(
        lambda control, treatment, alpha: quantile_ratio(
            control, treatment, 0.9, latency_of, alpha
        ),
        HISTOGRAMS,
        lambda one: {bucket: SEVERAL * count for bucket, count in one.items()},
        {},
        1.0,
        inverse,
        lambda effect: effect.lower >= 1.0 - 1e-9 or effect.upper <= 1.0 + 1e-9,  # edges of buckets
    ),
    "distribution_distance": Case(
        distribution_distance,
        HISTOGRAMS,
        lambda one: {bucket: SEVERAL * count for bucket, count in one.items()},
        {},
        0.0,
        lambda value: value,
    ),
}

every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
often = settings(max_examples=60, deadline=None, derandomize=True)


@every
@often
@given(data=st.data())
def test_the_bounds_are_numbers_around_the_estimate(case: Case, data: st.DataObject) -> None:
    effect = case.compare(data.draw(case.arms), data.draw(case.arms), 0.05)
    assert effect.lower <= effect.upper
    assert math.isnan(effect.estimate) or effect.lower <= effect.estimate <= effect.upper
    assert 0.0 <= effect.p_value <= 1.0


@every
@often
@given(data=st.data())
def test_a_difference_is_sure_only_where_the_p_value_says_so(
    case: Case, data: st.DataObject
) -> None:
    effect = case.compare(data.draw(case.arms), data.draw(case.arms), 0.05)
    sure = case.excludes(effect)
    assert effect.p_value <= 0.05 * (1 + 1e-6) if sure else effect.p_value > 0.05 * (1 - 1e-6)


@every
@often
@given(data=st.data())
def test_swapped_arms_are_the_mirrored_effect(case: Case, data: st.DataObject) -> None:
    one, other = data.draw(case.arms), data.draw(case.arms)
    effect, mirrored = case.compare(one, other, 0.05), case.compare(other, one, 0.05)
    if case.swapped is None:
        assert (mirrored.control, mirrored.treatment) == pytest.approx(
            (effect.treatment, effect.control), nan_ok=True
        )
        return
    bounds = sorted(case.swapped(bound) for bound in (effect.lower, effect.upper))
    assert [mirrored.lower, mirrored.upper] == pytest.approx(bounds, abs=1e-9)
    assert mirrored.p_value == pytest.approx(effect.p_value, rel=1e-6, abs=1e-300)


@every
@often
@given(data=st.data())
def test_bounds_are_narrower_when_more_of_the_same_is_observed(
    case: Case, data: st.DataObject
) -> None:
    one, other = data.draw(case.arms), data.draw(case.arms)
    few = case.compare(one, other, 0.05)
    many = case.compare(case.more(one), case.more(other), 0.05)
    assert many.lower >= few.lower - 1e-9
    assert many.upper <= few.upper + 1e-9


@every
@often
@given(data=st.data())
def test_bounds_that_are_to_be_wrong_less_often_are_wider(case: Case, data: st.DataObject) -> None:
    one, other = data.draw(case.arms), data.draw(case.arms)
    usual, careful = case.compare(one, other, 0.05), case.compare(one, other, 0.001)
    assert careful.lower <= usual.lower
    assert careful.upper >= usual.upper


@every
def test_nothing_observed_says_nothing(case: Case) -> None:
    effect = case.compare(case.nothing, case.nothing, 0.05)
    assert effect.p_value == 1.0
    assert math.isnan(effect.estimate)
    assert effect.lower <= case.no_difference < effect.upper
