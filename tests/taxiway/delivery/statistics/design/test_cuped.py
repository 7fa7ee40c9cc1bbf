"""CUPED: less noise, and the same effect."""

from __future__ import annotations

import functools
import math
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxiway.delivery.statistics.comparisons.means import mean_difference
from taxiway.delivery.statistics.design.cuped import CovariateSums, adjusted, variance_left


def pairs(seed: int, effect: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """A covariate, and a metric that it explains 64 percent of."""
    made = np.random.default_rng(seed)
    before = made.normal(3.0, 1.0, count)
    return before, 5.0 + effect + 0.8 * (before - 3.0) + 0.6 * made.normal(0.0, 1.0, count)


def sums(covariate: np.ndarray, metric: np.ndarray) -> CovariateSums:
    return CovariateSums(
        len(metric),
        float(metric.sum()),
        float(covariate.sum()),
        float((metric**2).sum()),
        float((covariate**2).sum()),
        float((covariate * metric).sum()),
    )


def test_the_variance_falls_by_the_squared_correlation() -> None:
    arms = [sums(*pairs(seed, 0.0)) for seed in (1, 2)]
    assert variance_left(arms) == pytest.approx(0.36, abs=0.02)
    for arm, summary in zip(arms, adjusted(arms), strict=True):
        plain = arm.yy / arm.count - (arm.y / arm.count) ** 2
        assert summary.variance / plain == pytest.approx(0.36, abs=0.02)
        assert summary.count == arm.count


def test_the_adjusted_difference_is_that_of_a_regression_on_arm_and_covariate() -> None:
    """The same as least squares on an indicator of the arm and the covariate, its oracle."""
    (x0, y0), (x1, y1) = pairs(3, 0.0), pairs(4, 0.1, 3000)
    control, treatment = adjusted([sums(x0, y0), sums(x1, y1)])
    arm = np.repeat([0.0, 1.0], [len(x0), len(x1)])
    design = np.column_stack([np.ones(len(arm)), arm, np.concatenate([x0, x1])])
    known = np.linalg.lstsq(design, np.concatenate([y0, y1]), rcond=None)[0]
    assert treatment.mean - control.mean == pytest.approx(known[1])


def test_bounds_are_narrower_and_still_right() -> None:
    plain_width = adjusted_width = 0.0
    wrong = 0
    for seed in range(0, 200, 2):
        arms = [sums(*pairs(seed, 0.0, 1000)), sums(*pairs(seed + 1, 0.1, 1000))]
        plain = mean_difference(
            *adjusted([CovariateSums(arm.count, arm.y, 0.0, arm.yy) for arm in arms])
        )
        effect = mean_difference(*adjusted(arms))
        plain_width += plain.upper - plain.lower
        adjusted_width += effect.upper - effect.lower
        wrong += not effect.lower <= 0.1 <= effect.upper
    assert adjusted_width == pytest.approx(0.6 * plain_width, rel=0.03)
    assert wrong <= 5


def test_a_covariate_that_says_nothing_changes_nothing() -> None:
    (x, y) = pairs(5, 0.0)
    control, treatment = sums(x * 0.0 + 2.0, y), sums(x * 0.0 + 2.0, y + 1.0)
    found = adjusted([control, treatment])
    assert [one.mean for one in found] == pytest.approx([y.mean(), y.mean() + 1.0])
    assert found[0].variance == pytest.approx(y.var(ddof=1))
    assert variance_left([control, treatment]) == 1.0


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), max_size=12))
def test_sums_are_those_of_their_parts(both: list[tuple[float, float]]) -> None:
    parts = (CovariateSums.of(y, x) for y, x in both)
    whole = functools.reduce(operator.add, parts, CovariateSums())
    assert whole.count == len(both)
    assert whole.xy == pytest.approx(sum(y * x for y, x in both), abs=1e-6)
    for summary in adjusted([whole, CovariateSums()]):
        assert math.isnan(summary.mean) == (summary.count == 0)
        assert math.isnan(summary.variance) == (summary.count < 2)
