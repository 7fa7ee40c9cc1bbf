"""Off-policy estimators: what they find on problems whose truth is known, and how sure they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from taxiway.delivery.off_policy.estimators import ESTIMATORS, Sample, direct, doubly_robust
from taxiway.delivery.off_policy.evaluate import Evaluation, evaluate
from taxiway.delivery.off_policy.features import features
from taxiway.delivery.off_policy.intervals import around, standard_error
from taxiway.delivery.off_policy.reward_model import cross_fitted
from tests.taxiway.delivery.off_policy.problems import Problem, a_problem

SEEDS = range(1000, 1201)


@pytest.fixture(scope="module")
def solved() -> list[tuple[Problem, Evaluation]]:
    """200 problems; one of their seeds makes policies so far apart that it is refused."""
    problems = [a_problem(seed) for seed in SEEDS]
    found = [(one, evaluate(one.logged, one.targets)) for one in problems]
    answered = [one for one in found if not one[1].refusals]
    assert len(answered) == 200
    return answered


@pytest.mark.parametrize("position", range(len(ESTIMATORS)), ids=ESTIMATORS)
def test_the_interval_covers_the_truth_in_92_to_98_percent(
    position: int, solved: list[tuple[Problem, Evaluation]]
) -> None:
    covers = []
    for problem, found in solved:
        one = found.estimates[position]
        covers.append(one.lower <= problem.truth <= one.upper)
    assert 0.92 <= np.mean(covers) <= 0.98


def test_a_difference_is_known_better_than_its_two_sides(
    solved: list[tuple[Problem, Evaluation]],
) -> None:
    narrower = []
    for _, found in solved:
        assert found.logged is not None
        snips = found.estimates[1]
        assert snips.difference == pytest.approx(snips.value - found.logged.value)
        width = snips.difference_upper - snips.difference_lower
        narrower.append(width < 2 * 1.96 * np.hypot(snips.error, found.logged.error))
    assert np.mean(narrower) > 0.9


def test_the_doubly_robust_estimate_varies_less_than_ips_on_the_same_problems(
    solved: list[tuple[Problem, Evaluation]],
) -> None:
    errors = {name: [] for name in ESTIMATORS}
    for problem, found in solved:
        for one in found.estimates:
            errors[one.name].append(one.value - problem.truth)
    spread = {name: np.mean(np.square(values)) for name, values in errors.items()}
    assert spread["dr"] < 0.85 * spread["ips"]
    claimed = [[one.error**2 for one in found.estimates] for _, found in solved]
    ips, _, _, dr = np.mean(claimed, axis=0)
    assert dr < 0.85 * ips


def test_the_doubly_robust_estimate_is_right_where_its_model_is_not() -> None:
    """The model knows nothing of the requests, and arms look as the log's policy made them look."""
    biases = {"dm": [], "dr": []}
    for seed in range(60):
        problem = a_problem(seed, rows=4_000)
        logged = replace(problem.logged, columns={})
        sample = Sample(logged, problem.targets)
        biases["dm"].append((direct(sample).value - problem.truth) ** 2)
        biases["dr"].append((doubly_robust(sample).value - problem.truth) ** 2)
    assert np.mean(biases["dr"]) < 0.5 * np.mean(biases["dm"])


def test_rewards_of_one_person_are_not_taken_for_independent() -> None:
    """500 people with 2,000 decisions, whose rewards share half of their noise."""
    covers, naive = [], []
    for seed in SEEDS:
        problem = a_problem(seed, binary=False, units=500)
        found = ESTIMATORS["snips"](Sample(problem.logged, problem.targets))
        for results, units in (
            (covers, problem.logged.units),
            (naive, np.arange(problem.logged.rows)),
        ):
            lower, upper = around(found.value, standard_error(found.values, units))
            results.append(lower <= problem.truth <= upper)
    assert 0.92 <= np.mean(covers) <= 0.98
    assert np.mean(naive) < 0.85


def test_a_policy_that_does_what_the_log_did_earns_what_it_earned() -> None:
    logged = a_problem(1).logged
    assert logged.possible is not None
    found = evaluate(logged, logged.possible)
    assert found.logged is not None
    assert found.logged.value == logged.rewards.mean()
    assert found.effective_sample_size == pytest.approx(logged.rows)
    ips, snips, dm, dr = found.estimates
    assert ips.value == pytest.approx(found.logged.value, abs=1e-12)
    assert snips.value == pytest.approx(found.logged.value, abs=1e-12)
    assert ips.difference_lower == pytest.approx(0, abs=1e-12)
    assert dm.value == pytest.approx(found.logged.value, abs=0.02)
    assert dr.value == pytest.approx(found.logged.value, abs=0.02)


def test_a_case_by_hand() -> None:
    """Two arms by a coin; the policy takes the second in three of four."""
    problem = a_problem(0, rows=4)
    logged = replace(
        problem.logged,
        arms=("a", "b"),
        chosen=np.array([0, 1, 1, 0]),
        propensities=np.full(4, 0.5),
        rewards=np.array([1.0, 0.0, 2.0, 3.0]),
        columns={},
        possible=None,
    )
    sample = Sample(logged, np.tile([0.25, 0.75], (4, 1)))
    assert sample.weights.tolist() == [0.5, 1.5, 1.5, 0.5]
    assert ESTIMATORS["ips"](sample).value == pytest.approx((0.5 + 3.0 + 1.5) / 4)
    assert ESTIMATORS["snips"](sample).value == pytest.approx(5.0 / 4.0)
    # Two rewards of each arm and a pseudo-row of the mean, 1.5: (1 + 3 + 1.5) / 3 and so on.
    assert direct(sample).value == pytest.approx(0.25 * 5.5 / 3 + 0.75 * 3.5 / 3)


@pytest.mark.parametrize("name", ["snips", "dm", "dr"])
def test_rewards_in_another_unit_give_the_same_in_that_unit(name: str) -> None:
    """Such as cents above a bonus; IPS holds what is added for earned only where weights are 1."""
    problem = a_problem(2)
    cents = replace(problem.logged, rewards=100 * problem.logged.rewards + 7)
    whole = ESTIMATORS[name](Sample(problem.logged, problem.targets))
    found = ESTIMATORS[name](Sample(cents, problem.targets))
    assert found.value == pytest.approx(100 * whole.value + 7)
    assert found.values == pytest.approx(100 * whole.values)


def test_the_model_that_corrects_a_decision_has_seen_nothing_of_its_person() -> None:
    logged = a_problem(2, rows=300, units=60).logged
    x = features(logged.columns, logged.rows)
    before = cross_fitted(x, logged.chosen, logged.rewards, len(logged.arms), logged.units)
    hers = logged.units == 30
    rewards = np.where(hers, 1_000.0, logged.rewards)
    after = cross_fitted(x, logged.chosen, rewards, len(logged.arms), logged.units)
    assert (before[hers] == after[hers]).all()
    assert (before[~hers] != after[~hers]).any()


@pytest.mark.parametrize("name", ["ips", "snips", "dm"])
def test_influence_values_are_how_an_estimate_moves_with_its_rows(name: str) -> None:
    """Leaving one row out moves the estimate by its influence value over n (the jackknife).

    Of DR that holds of the mean over rows only: what its model learns is of second order.
    """
    problem = a_problem(3, rows=400)
    whole = ESTIMATORS[name](Sample(problem.logged, problem.targets))
    keep = np.arange(400) != 17
    logged = replace(
        problem.logged,
        chosen=problem.logged.chosen[keep],
        propensities=problem.logged.propensities[keep],
        rewards=problem.logged.rewards[keep],
        units=problem.logged.units[keep],
        columns={
            name: np.array(one)[keep].tolist() for name, one in problem.logged.columns.items()
        },
        possible=None,
    )
    moved = whole.value - ESTIMATORS[name](Sample(logged, problem.targets[keep])).value
    assert whole.values.mean() == pytest.approx(0, abs=1e-12)
    assert moved * 400 == pytest.approx(whole.values[17], rel=0.1)
