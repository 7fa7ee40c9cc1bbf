"""Means that may be looked at often: how many false positives, and what is found, beside others.

The oracle is Ville's inequality on a martingale that is computed here, one observation after
another, by quadrature and from the likelihood; it shares no formula with what it judges.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import norm

from taxiway.delivery.evidence.measured import Moments
from taxiway.delivery.statistics.comparisons.means import (
    FEWEST,
    Summary,
    mean_difference,
    relative_difference,
)

ALPHA = 0.05
LOOKS = 30
EACH = 100
"""Observations of each arm between two looks."""
Sums = np.ndarray[Any, np.dtype[np.float64]]


def experiments(seed: int, effect: float, count: int) -> Sums:
    """Sums and sums of squares at each look: arm, sum or squares, experiment, look."""
    made = np.random.default_rng(seed)
    found = np.empty((2, 2, count, LOOKS))
    for arm in (0, 1):
        for look in range(LOOKS):
            values = made.normal(1.0 + arm * effect, 1.0, (count, EACH))
            found[arm, :, :, look] = values.sum(axis=1), (values**2).sum(axis=1)
    return np.cumsum(found, axis=-1)


def believed(sums: Sums) -> Sums:
    """Which experiments ever show a difference, by our bounds, if each look is looked at."""
    found = []
    for experiment in np.moveaxis(sums, 2, 0):
        for look in range(LOOKS):
            size = EACH * (look + 1)
            arms = (Moments(size, *map(float, experiment[arm, :, look])) for arm in (0, 1))
            effect = mean_difference(*arms, ALPHA, planned=EACH * LOOKS)
            if not effect.lower <= 0.0 <= effect.upper:
                found.append(True)
                break
        else:
            found.append(False)
    return np.array(found)


def believed_by_z_test(sums: Sums) -> Sums:
    """The same by the test that is made for one look."""
    sizes = EACH * np.arange(1, LOOKS + 1)
    means = sums[:, 0] / sizes
    variances = (sums[:, 1] - sums[:, 0] ** 2 / sizes) / (sizes - 1)
    z = (means[1] - means[0]) / np.sqrt(variances.sum(axis=0) / sizes)
    return np.any(np.abs(z) > ndtri(1 - ALPHA / 2), axis=1)


def believed_by_oracle(sums: Sums) -> Sums:
    """The same by the mean of likelihood ratios over effects, whose variance is known to be 2.

    Its prior is chosen for the last look too, by search rather than by formula.
    """
    effects = np.linspace(-2.0, 2.0, 4001)
    sizes = EACH * np.arange(1, LOOKS + 1)
    differences = sums[1, 0] - sums[0, 0]

    def evidence(of: Sums, size: float, deviation: float) -> Sums:
        """From likelihoods of a sum of differences, each of variance 2."""
        weights = norm.pdf(effects, scale=deviation)
        ratios = np.exp((of[..., None] * effects - size * effects**2 / 2) / 2)
        found: Sums = (ratios * weights).sum(axis=-1) / weights.sum()
        return found

    def least(deviation: float) -> float:
        """The least sum that is believed at the last look."""
        tried = np.linspace(0.0, 1000.0, 501)
        known = evidence(tried, sizes[-1], deviation) >= 1 / ALPHA
        return float(tried[np.argmax(known)])

    deviation = min(np.geomspace(0.01, 0.3, 12), key=least)
    looks = [
        evidence(differences[:, look], size, deviation) >= 1 / ALPHA
        for look, size in enumerate(sizes)
    ]
    return np.any(looks, axis=0)


@pytest.mark.one_stack
def test_an_experiment_without_an_effect_shows_none_in_95_of_100_however_often_one_looks() -> None:
    sums = experiments(seed=15, effect=0.0, count=2000)
    naive = believed_by_z_test(sums).mean()
    assert believed(sums).mean() <= ALPHA
    assert 0.25 <= naive <= 0.32
    assert believed_by_oracle(sums).mean() <= ALPHA


@pytest.mark.one_stack
@pytest.mark.parametrize("effect", [0.06, 0.08, 0.1, 0.12])
def test_the_power_is_that_of_the_oracle(effect: float) -> None:
    sums = experiments(seed=16, effect=effect, count=500)
    ours, oracle = believed(sums).mean(), believed_by_oracle(sums).mean()
    assert 0.2 < oracle < 1.0
    assert abs(ours - oracle) <= 0.05


def test_rare_great_rewards_of_a_small_arm_are_no_false_alarm() -> None:
    """Revenue: 1 in 20 pays, and pays very differently; a tenth of the requests goes there."""
    wrong = 0
    for seed in range(200):
        made = np.random.default_rng(seed)
        paid = (made.random(20_000) < 0.05) * made.lognormal(3.0, 1.0, 20_000)
        in_treatment = made.random(20_000) < 0.1
        for size in np.geomspace(500, 20_000, 12).astype(int):
            arms = [paid[:size][in_treatment[:size] == arm] for arm in (False, True)]
            control, treatment = (Summary(len(arm), arm.mean(), arm.var(ddof=1)) for arm in arms)
            effect = mean_difference(control, treatment)
            if not effect.lower <= 0.0 <= effect.upper:
                wrong += 1
                break
    assert wrong <= 10


def test_bounds_are_narrowest_for_what_is_planned() -> None:
    """Their width in standard errors, against that of others planned for other sizes."""

    def width(size: int, planned: float) -> float:
        arm = Summary(size, 0.0, 1.0)
        return mean_difference(arm, arm, ALPHA, planned).upper

    for size in (200, 5000, 100_000):
        others = [width(size, size * factor) for factor in (0.25, 0.8, 1.25, 4.0)]
        assert width(size, size) < min(others)


def test_a_reward_that_is_a_tenth_less_is_found_in_a_few_thousand_requests() -> None:
    control, treatment = Summary(27_000, 0.5, 0.25), Summary(3000, 0.45, 0.25)
    effect = relative_difference(control, treatment)
    assert effect.estimate == pytest.approx(-0.1)
    assert effect.upper < 0.0


def test_a_share_of_a_loss_has_the_sign_of_the_difference() -> None:
    control, treatment = Summary(5000, -2.0, 1.0), Summary(5000, -1.0, 1.0)
    effect = relative_difference(control, treatment)
    assert effect.estimate == pytest.approx(0.5)
    assert effect.lower > 0.0


def test_a_share_of_what_may_be_nothing_is_not_told() -> None:
    effect = relative_difference(Summary(5000, 0.001, 1.0), Summary(5000, 1.0, 1.0))
    assert math.isnan(effect.estimate)
    assert (effect.lower, effect.upper) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    "control",
    [Summary(FEWEST - 1, 0.0, 1.0), Summary(FEWEST, 1.0, 0.0), Summary(1, 3.0, math.nan)],
    ids=["few", "all equal", "one"],
)
def test_nothing_is_said_of_too_few_or_of_what_never_varies(control: Summary) -> None:
    effect = mean_difference(control, Summary(1000, 2.0, 0.0))
    assert effect.estimate == 2.0 - control.mean
    assert (effect.lower, effect.upper, effect.p_value) == (-math.inf, math.inf, 1.0)


def test_rounding_of_sums_is_no_variance() -> None:
    """Sums of a thousand times 0.1 and of its square do not quite cancel out."""
    control, treatment = Moments(), Moments()
    for _ in range(1000):
        control.add(0.1)
        treatment.add(0.3)
    assert max(control.variance, treatment.variance) > 0.0
    assert mean_difference(control, treatment).upper == math.inf
