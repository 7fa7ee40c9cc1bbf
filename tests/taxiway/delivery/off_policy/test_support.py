"""A log that cannot answer says why, and gives no number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from taxiway.delivery.off_policy.evaluate import evaluate
from taxiway.delivery.off_policy.logged import Floats, Logged
from tests.taxiway.delivery.off_policy.problems import ARMS, a_problem


def by_coin(rows: int = 1_000, **changes: object) -> Logged:
    """Decisions between two of the four arms, the rewards of the second being higher."""
    rng = np.random.default_rng(5)
    chosen = rng.integers(0, 2, rows)
    rewards = (rng.random(rows) < 0.3 + 0.2 * chosen).astype(np.float64)
    made = Logged(ARMS, chosen, np.full(rows, 0.5), rewards, np.arange(rows), {})
    return replace(made, **changes)


def always(arm: int, rows: int = 1_000) -> Floats:
    """A policy that does one thing."""
    found = np.zeros((rows, len(ARMS)))
    found[:, arm] = 1.0
    return found


def refused(logged: Logged, targets: Floats) -> str:
    """The only reason."""
    found = evaluate(logged, targets)
    assert found.estimates == ()
    (reason,) = found.refusals
    return reason


def test_a_coin_can_answer_for_each_of_its_sides() -> None:
    found = evaluate(by_coin(), always(1))
    assert found.refusals == ()
    assert found.estimates[0].value == pytest.approx(0.5, abs=0.08)
    assert found.effective_sample_size == pytest.approx(500, abs=50)


def test_an_arm_that_no_decision_has_is_named() -> None:
    targets = 0.9 * always(1) + 0.1 * always(3)
    reason = refused(by_coin(), targets)
    assert "no support: in 1,000 of 1,000 decisions" in reason
    assert "1.4.0" in reason
    assert "10.00% of the policy's choices" in reason


def test_an_arm_that_could_not_be_chosen_there_has_no_support_though_it_was_elsewhere() -> None:
    possible = np.tile([0.5, 0.5, 0.0, 0.0], (1_000, 1))
    logged = by_coin(possible=possible)
    assert evaluate(logged, always(1)).refusals == ()
    first = np.flatnonzero(logged.chosen == 0)[:30]
    possible[first] = [0.5, 0.0, 0.5, 0.0]
    reason = refused(by_coin(possible=possible), always(1))
    assert "no support: in 30 of 1,000 decisions the policy may choose 1.2.0" in reason


def test_a_decision_that_was_certain_supports_no_other_choice() -> None:
    logged = by_coin()
    propensities = np.where((np.arange(1_000) < 30) & (logged.chosen == 0), 1.0, 0.5)
    certain = int((propensities == 1.0).sum())
    reason = refused(replace(logged, propensities=propensities), always(1))
    assert f"no support: in {certain} of 1,000" in reason


def test_a_log_without_chance_says_so() -> None:
    logged = by_coin(chosen=np.zeros(1_000, np.int64), propensities=np.ones(1_000))
    assert "every decision of the log was certain" in refused(logged, always(1))
    assert evaluate(logged, always(0)).refusals == ()


def test_too_few_decisions_are_told() -> None:
    assert "99 decisions" in refused(by_coin(99), always(1, 99))
    assert "0 decisions" not in str(evaluate(by_coin(1_000), always(1)).refusals)
    of_few = by_coin(units=np.arange(1_000) % 99)
    assert "1,000 decisions of 99 people" in refused(of_few, always(1))


def test_no_decision_at_all_is_told() -> None:
    assert refused(by_coin(0), always(1, 0)) == "no decision is left to evaluate by"


def test_weights_that_few_decisions_carry_are_told_with_what_they_are_worth() -> None:
    rng = np.random.default_rng(8)
    rare = (rng.random(1_000) < 0.02).astype(np.int64)
    logged = by_coin(chosen=rare, propensities=np.where(rare, 0.02, 0.98))
    reason = refused(logged, always(1))
    assert "too far from the log's" in reason
    assert f"worth {int(rare.sum())}.0 (effective sample size)" in reason


def test_propensities_that_are_not_those_of_the_choices_are_told() -> None:
    reason = refused(by_coin(propensities=np.full(1_000, 0.4)), always(1))
    assert "the weights have mean 1.2" in reason
    assert "expected 1" in reason


def test_rewards_that_are_all_the_same_are_told() -> None:
    rewards = np.zeros(1_000)
    rewards[:9] = 1.0
    assert "all but 9 rewards are 0" in refused(by_coin(rewards=rewards), always(1))
    rewards[9] = 1.0
    assert evaluate(by_coin(rewards=rewards), always(1)).refusals == ()


def test_nearly_no_problem_of_policies_that_overlap_is_refused() -> None:
    problems = [a_problem(seed) for seed in range(40)]
    assert not any(evaluate(one.logged, one.targets).refusals for one in problems)
