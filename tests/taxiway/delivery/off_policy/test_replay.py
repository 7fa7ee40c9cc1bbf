"""A policy that learns is judged, decision by decision, by what it knew before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from taxiway.delivery.off_policy.evaluate import evaluate
from taxiway.delivery.off_policy.logged import Logged
from taxiway.delivery.off_policy.replay import MOST_UPDATES, choices, decisions_per_update
from taxiway.delivery.policies import parse
from taxiway.errors import TaxiwayError
from taxiway.process.progress import Progress, listening

RATES = np.array([0.2, 0.5, 0.3])
ARMS = ("1.0.0", "1.1.0", "1.2.0")
LEARNERS = [
    {"kind": "epsilon_greedy", "epsilon": 0.1},
    {"kind": "ucb1"},
    {"kind": "thompson"},
    {"kind": "lin_ucb", "features": [{"kind": "category", "column": "city"}]},
    {"kind": "linear_thompson", "features": [{"kind": "category", "column": "city"}]},
]


def at_random(seed: int, rows: int = 1_500) -> Logged:
    """Three arms, each in a third of the decisions."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, 3, rows)
    rewards = (rng.random(rows) < RATES[chosen]).astype(np.float64)
    cities = [("Kyiv", "Oslo")[one] for one in rng.integers(0, 2, rows)]
    third = np.full(rows, 1 / 3)
    return Logged(ARMS, chosen, third, rewards, np.arange(rows), {"city": cities})


def by_city(seed: int, rows: int = 1_500) -> Logged:
    """The first arm earns 0.8 in Kyiv and 0.2 in Oslo, the second the other way around."""
    logged = at_random(seed, rows)
    is_kyiv = np.array(logged.columns["city"]) == "Kyiv"
    rates = np.where(logged.chosen == 2, 0.3, np.where(is_kyiv == (logged.chosen == 0), 0.8, 0.2))
    rewards = np.random.default_rng(seed + 1).random(rows) < rates
    return replace(logged, rewards=rewards.astype(np.float64))


@pytest.mark.parametrize("settings", LEARNERS, ids=lambda one: one["kind"])
def test_what_a_policy_learns_from_the_log_pays(settings: dict[str, object]) -> None:
    logged = at_random(3)
    targets = choices(parse(settings), logged)
    assert targets.sum(axis=1) == pytest.approx(1, abs=1e-9)
    assert targets[0] == pytest.approx(1 / 3)
    assert targets[-1].argmax() == 1
    found = evaluate(logged, targets)
    assert found.refusals == ()
    assert found.logged is not None
    assert found.logged.value == pytest.approx(RATES.mean(), abs=0.04)
    assert found.estimates[-1].difference_lower > 0


def test_what_comes_later_changes_no_choice() -> None:
    """Rewards from decision 300 on differ; that one is of three that are learnt from together."""
    logged = at_random(4)
    other = logged.rewards.copy()
    other[300:] = 1 - other[300:]
    for settings in LEARNERS[2:4]:
        policy = parse(settings)
        before, after = choices(policy, logged), choices(policy, replace(logged, rewards=other))
        assert (before[:303] == after[:303]).all()
        assert (before[303:] != after[303:]).any()


def test_a_contextual_policy_is_judged_by_what_it_saw() -> None:
    logged = by_city(5)
    found = {
        settings["kind"]: evaluate(logged, choices(parse(settings), logged)).estimates[-1].value
        for settings in (LEARNERS[2], LEARNERS[3])
    }
    assert found["thompson"] < 0.6  # no arm has more than 0.5 for all
    assert found["lin_ucb"] > 0.65


def test_a_fixed_split_stays_what_it_is() -> None:
    logged = at_random(6)
    targets = choices(parse({"kind": "weights", "weights": {"1.1.0": 3, "1.2.0": 1}}), logged)
    assert (targets == [0.0, 0.75, 0.25]).all()
    ips = evaluate(logged, targets).estimates[0]
    assert ips.lower < 0.75 * 0.5 + 0.25 * 0.3 < ips.upper


def test_the_interval_covers_what_a_learning_policy_would_have_earned() -> None:
    """Of the very choices that it made, over logs of seeds 0 to 199."""
    policy = parse({"kind": "epsilon_greedy", "epsilon": 0.2})
    covers = []
    for seed in range(200):
        logged = at_random(seed, rows=400)
        targets = choices(policy, logged)
        truth = float((targets @ RATES).mean())
        snips = evaluate(logged, targets).estimates[1]
        covers.append(snips.lower <= truth <= snips.upper)
    assert 0.92 <= np.mean(covers) <= 0.98


def test_a_long_log_is_learnt_from_in_so_many_steps() -> None:
    assert decisions_per_update(MOST_UPDATES) == 1
    assert decisions_per_update(MOST_UPDATES + 1) == 2
    logged = at_random(7, rows=2_000)
    targets = choices(parse({"kind": "thompson"}), logged)
    changes = np.flatnonzero((np.diff(targets, axis=0) != 0).any(axis=1)) + 1
    assert (changes % 4 == 0).all()
    assert len(changes) > MOST_UPDATES / 2


def test_how_far_it_is_is_told() -> None:
    heard: list[Progress] = []
    with listening(heard.append):
        choices(parse({"kind": "ucb1"}), at_random(9))
    assert heard[0].text == "0 of 1,500 decisions"


def test_rewards_that_a_policy_cannot_learn_from_are_refused() -> None:
    logged = at_random(8)
    with pytest.raises(TaxiwayError, match="expected 0 to 1 by a policy thompson"):
        choices(parse({"kind": "thompson"}), replace(logged, rewards=logged.rewards * 7))
