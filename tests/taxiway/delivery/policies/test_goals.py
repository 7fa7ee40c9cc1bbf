"""Policies reach on simulated users what is known of them, used as gateways use them.

A state is learnt for every 50 requests together, and all requests between choose by the same
chooser. Known regrets at 10,000 requests are 168 for Thompson sampling and 900 for an even split on
ten arms, one of which has 0.5 and the others 0.4; 81 and 10 for Thompson sampling on the two other
problems. Bounds are three standard errors of the mean of 20 seeds, as measured: 12, 3 and 1.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from taxiway.delivery.policies import Policy, parse
from taxiway.delivery.policies.policy import Observation

pytestmark = pytest.mark.one_stack

REQUESTS, SEEDS = 10_000, 20
PROBLEMS = {
    "ten": [0.5] + [0.4] * 9,
    "rare": [0.1] + [0.05] * 3 + [0.02] * 3 + [0.01] * 3,
    "two": [0.9, 0.8],
}
FEATURES = (
    {"kind": "category", "column": "segment", "buckets": 16},
    {"kind": "number", "column": "age"},
)


def regret(
    policy: Policy, means: list[float], seed: int, together: int = 50, late: int = 0
) -> float:
    """Expected regret of one run.

    Args:
      policy: that chooses.
      means: of the arms; rewards are 0 or 1.
      seed: of all chance.
      together: requests between two states.
      late: a reward comes after up to so many requests more, in any order.
    """
    random = np.random.default_rng(seed)
    of = {str(place): one for place, one in enumerate(means)}
    state = policy.initial(list(of))
    uniforms, rewards = random.random(REQUESTS).tolist(), random.random(REQUESTS).tolist()
    due = np.arange(REQUESTS) + random.integers(0, late + 1, REQUESTS)
    waiting: list[tuple[int, Observation]] = []
    found = 0.0
    for start in range(0, REQUESTS, together):
        chooser = policy.chooser(state)
        for place in range(start, start + together):
            arm = chooser.choose({}, uniforms[place]).arm
            found += max(means) - of[arm]
            waiting.append((due[place], Observation(arm, float(rewards[place] < of[arm]))))
        now = [one for at, one in waiting if at < start + together]
        waiting = [one for one in waiting if one[0] >= start + together]
        state = policy.update(state, now)
    return found


def mean_regret(
    problem: str, settings: Mapping[str, Any], together: int = 50, late: int = 0
) -> float:
    """Over 20 seeds."""
    policy = parse({"floor": 0, **settings})
    means = PROBLEMS[problem]
    return float(np.mean([regret(policy, means, one, together, late) for one in range(SEEDS)]))


@pytest.mark.parametrize(
    ("problem", "known", "within"), [("ten", 168, 36), ("rare", 81, 9), ("two", 10, 4.5)]
)
def test_thompson_sampling_regrets_as_little_as_is_known(
    problem: str, known: float, within: float
) -> None:
    assert mean_regret(problem, {"kind": "thompson"}) == pytest.approx(known, abs=within)


@pytest.mark.parametrize(("problem", "known"), [("ten", 168), ("rare", 81), ("two", 10)])
def test_rewards_that_come_late_cost_at_most_as_much_again(problem: str, known: float) -> None:
    """Up to 200 requests late, and in another order."""
    assert mean_regret(problem, {"kind": "thompson"}, late=200) <= 2 * known


def test_ucb1_regrets_three_times_that_and_an_even_split_the_most() -> None:
    """Another implementation of UCB1, as its paper has it, has 594 over 400 seeds (deviation 44 of
    one), a request at a time: all requests of one state go to one arm."""
    policy = parse({"kind": "ucb1", "floor": 0})
    found = [regret(policy, PROBLEMS["ten"], seed, together=1) for seed in range(4)]
    assert np.mean(found) == pytest.approx(594, abs=66)
    assert mean_regret("ten", {"kind": "weights"}) == pytest.approx(900, abs=5)


@pytest.mark.parametrize(
    "forgets", [{"discount": 0.998}, {"window": 500}], ids=["discount", "window"]
)
def test_a_policy_that_forgets_finds_the_arm_that_has_become_the_best(
    forgets: dict[str, Any],
) -> None:
    """After 5,000 requests the arms change places; told is what the new best one has of the last
    1,000 of 3,000 more."""

    def share(settings: Mapping[str, Any]) -> float:
        policy, random = parse(settings), np.random.default_rng(0)
        state, had = policy.initial(["a", "b"]), 0
        for start in range(0, 8_000, 50):
            best = "a" if start < 5_000 else "b"
            chooser = policy.chooser(state)
            arms = [chooser.choose({}, one).arm for one in random.random(50).tolist()]
            had += arms.count("b") if start >= 7_000 else 0
            rewards = random.random(50) < np.where(np.array(arms) == best, 0.6, 0.3)
            state = policy.update(
                state, [Observation(*one) for one in zip(arms, map(float, rewards), strict=True)]
            )
        return had / 1_000

    assert share({"kind": "thompson", **forgets}) > 0.8
    assert share({"kind": "thompson"}) < 0.3


@pytest.mark.parametrize(
    ("kind", "least"), [("lin_ucb", 0.9), ("linear_thompson", 0.9), ("vowpal_wabbit", 0.85)]
)
def test_contextual_policies_gain_most_of_what_the_oracle_gains(kind: str, least: float) -> None:
    """Four arms; which one is the best depends on the user's segment, and how good it is on age.

    The oracle chooses by the true means. It gains 0.70 a request, an even split 0.33, 47 percent of
    that, and the best single arm not 60 percent. Vowpal Wabbit keeps exploring 5 percent.
    """
    if kind == "vowpal_wabbit":
        pytest.importorskip("vowpalwabbit")
    policy = parse({"kind": kind, "floor": 0, "features": FEATURES})
    random = np.random.default_rng(3)
    arms = ["a", "b", "c", "d"]
    segments = random.integers(0, 8, REQUESTS)
    ages = random.normal(40, 10, REQUESTS)
    base = np.where(np.arange(8)[:, None] // 2 == np.arange(4), 0.7, 0.2)  # (segments, arms)
    means = base[segments] + np.clip((40 - ages) / 200, -0.15, 0.15)[:, None] * [1, 1, 1, -1]
    uniforms, rewards = random.random(REQUESTS), random.random(REQUESTS)
    state, gained = policy.initial(arms), 0.0
    for start in range(0, REQUESTS, 50):
        chooser = policy.chooser(state)
        learnt = []
        for place in range(start, start + 50):
            context = {"segment": f"S{segments[place]}", "age": ages[place]}
            arm, propensity, _ = chooser.choose(context, uniforms[place])
            mean = means[place, arms.index(arm)]
            gained += mean
            learnt.append(Observation(arm, float(rewards[place] < mean), context, propensity))
        state = policy.update(state, learnt)
    oracle, even = means.max(axis=1).sum(), means.mean(axis=1).sum()
    assert even / oracle == pytest.approx(0.47, abs=0.02)
    assert means.mean(axis=0).max() * REQUESTS / oracle < 0.6
    assert gained / oracle >= least
