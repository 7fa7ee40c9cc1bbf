"""Policies that look at rewards alone: how probable the best arm is, and what they forget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from taxiway.delivery.policies.choosers import best_of, explored
from taxiway.delivery.policies.counted.epsilon_greedy import EpsilonGreedy
from taxiway.delivery.policies.counted.sums import Sums, mean_weight, sums_of
from taxiway.delivery.policies.counted.thompson import Thompson, believed
from taxiway.delivery.policies.counted.ucb1 import Ucb1
from taxiway.delivery.policies.counted.weights import Weights
from taxiway.delivery.policies.policy import Observation
from taxiway.errors import TaxiwayError

DRAWS = 200_000
ARMS = ["a", "b", "c"]


def some(**rewards: Sequence[float]) -> list[Observation]:
    return [Observation(arm, one) for arm, found in rewards.items() for one in found]


class TestThompson:
    """Its propensities are how often each arm would be the highest of draws."""

    @pytest.mark.parametrize(
        ("successes", "failures"),
        [
            ([1, 1, 1], [1, 1, 1]),
            ([2, 1, 8], [1, 1, 9]),
            ([300, 40, 5], [700, 80, 9]),
            ([500_000, 1, 50], [500_000, 1, 60]),
            ([0.5, 0.5, 3], [0.5, 90, 1]),
        ],
    )
    def test_of_successes_and_failures(self, successes: list[float], failures: list[float]) -> None:
        policy = Thompson(kind="thompson", prior_successes=0.5, prior_failures=0.5)
        sums = [
            Sums(good + bad - 1, good - 0.5, good - 0.5)
            for good, bad in zip(successes, failures, strict=True)
        ]
        drawn = np.random.default_rng(0).beta(successes, failures, (DRAWS, 3)).argmax(axis=1)
        expected = np.bincount(drawn, minlength=3) / DRAWS
        assert policy.wanted(ARMS, sums) == pytest.approx(expected.tolist(), abs=6e-3)

    def test_of_any_numbers(self) -> None:
        random = np.random.default_rng(0)
        found = [random.normal(mean, 30, n) for mean, n in ((100, 40), (110, 30), (95, 3))]
        sums = [Sums(len(one), one.sum(), (one * one).sum()) for one in found]
        beliefs = believed(sums)
        drawn = np.array(
            [one.mean + one.scale * random.standard_t(one.freedom, DRAWS) for one in beliefs]
        )
        expected = np.bincount(drawn.argmax(axis=0), minlength=3) / DRAWS
        policy = Thompson(kind="thompson", reward="gaussian")
        assert policy.wanted(ARMS, sums) == pytest.approx(expected.tolist(), abs=6e-3)

    def test_the_unit_of_a_reward_does_not_matter(self) -> None:
        policy = Thompson(kind="thompson", reward="gaussian", floor=0)
        found = some(a=[1, 2, 4], b=[2, 5, 3, 4], c=[0, 3])
        cents = [one._replace(reward=one.reward * 100 - 5_000) for one in found]
        start = policy.initial(ARMS)
        propensities = policy.chooser(policy.update(start, found)).propensities({})
        others = policy.chooser(policy.update(start, cents)).propensities({})
        assert others == pytest.approx(propensities, abs=1e-6)
        assert propensities["b"] > propensities["a"] > propensities["c"]

    @pytest.mark.parametrize("value", [0.0, 0.1, -1234.56])
    def test_rewards_that_are_all_equal_tell_no_arms_apart(self, value: float) -> None:
        policy = Thompson(kind="thompson", reward="gaussian")
        state = policy.update(policy.initial(ARMS), some(a=[value] * 7, b=[value] * 2))
        found = policy.chooser(state).propensities({})
        assert found == pytest.approx(dict.fromkeys(ARMS, 1 / 3))

    def test_a_bernoulli_reward_above_1_is_refused_with_the_key_that_takes_it(self) -> None:
        policy = Thompson(kind="thompson")
        with pytest.raises(TaxiwayError, match=r"is 25, expected 0 to 1 .* `reward: gaussian`"):
            policy.update(policy.initial(ARMS), some(a=[25.0]))


class TestOthers:
    """The simpler ones, by hand."""

    def test_ucb1_asks_arms_without_rewards_first_and_then_adds_its_bonus(self) -> None:
        policy = Ucb1(kind="ucb1", floor=0)
        state = policy.update(policy.initial(ARMS), some(a=[1, 1, 1, 1]))
        assert list(policy.chooser(state).propensities({}).values()) == [0, 0.5, 0.5]
        # means 0.9, 0.5 and 0; bonuses of ln 114 over 100, 10 and 4 rewards: 0.31, 0.97, 1.54
        state = policy.initial(ARMS)
        state = policy.update(state, some(a=[1] * 90 + [0] * 10, b=[1, 0] * 5, c=[0] * 4))
        assert policy.chooser(state).propensities({}) == {"a": 0, "b": 0, "c": 1}
        narrow = Ucb1(kind="ucb1", floor=0, range=0.1)
        assert narrow.chooser(state).propensities({}) == {"a": 1, "b": 0, "c": 0}

    def test_epsilon_goes_to_all_arms_and_the_rest_to_the_best(self) -> None:
        policy = EpsilonGreedy(kind="epsilon_greedy", epsilon=0.3)
        state = policy.update(policy.initial(ARMS), some(a=[0], b=[1]))
        found = policy.chooser(state).propensities({})
        assert found == pytest.approx({"a": 0.1, "b": 0.8, "c": 0.1})

    def test_weights_are_kept_whatever_the_rewards(self) -> None:
        policy = Weights(kind="weights", weights={"a": 3, "b": 1, "gone": 9})
        state = policy.update(policy.initial(ARMS), some(b=[100] * 50))
        assert policy.chooser(state).propensities({}) == {"a": 0.75, "b": 0.25, "c": 0}
        even = Weights(kind="weights")
        assert even.choose({}, even.initial(ARMS), 0.5).arm == "b"

    def test_a_floor_is_mixed_in_and_never_more_than_an_even_split(self) -> None:
        assert explored(ARMS, [1, 0, 0], 0.1) == pytest.approx({"a": 0.8, "b": 0.1, "c": 0.1})
        assert explored(ARMS, [1, 0, 0], 0.5) == pytest.approx(dict.fromkeys(ARMS, 1 / 3))
        assert explored(ARMS, [0, 0, 0], 0.1) == pytest.approx(dict.fromkeys(ARMS, 1 / 3))

    def test_arms_that_are_equally_good_share(self) -> None:
        assert best_of([1.0, 3.0, 3.0]) == [0, 0.5, 0.5]


class TestForgetting:
    """Old rewards count less, or no more."""

    def test_a_discount_weighs_each_reward_by_those_that_came_after_it(self) -> None:
        policy = EpsilonGreedy(kind="epsilon_greedy", discount=0.5)
        state = policy.initial(["a"])
        for reward in (8.0, 4.0, 2.0):
            state = policy.update(state, some(a=[reward]))
        assert sums_of(state)["a"] == pytest.approx((1.75, 8 / 4 + 4 / 2 + 2, 16 + 8 + 4))

    def test_what_counts_is_the_same_however_rewards_are_gathered_into_updates(self) -> None:
        policy = EpsilonGreedy(kind="epsilon_greedy", discount=0.9)
        one_by_one = together = policy.initial(["a"])
        for _ in range(30):
            one_by_one = policy.update(one_by_one, some(a=[1.0]))
        together = policy.update(together, some(a=[1.0] * 30))
        assert sums_of(together)["a"].n == pytest.approx(sums_of(one_by_one)["a"].n)
        assert mean_weight(0.9, 30) * 30 == pytest.approx(sums_of(together)["a"].n)

    def test_a_window_keeps_the_last_ones_and_few_blocks(self) -> None:
        policy = EpsilonGreedy(kind="epsilon_greedy", window=100)
        state = policy.initial(ARMS)
        for number in range(400):
            arm = "a" if number < 200 else "b"
            state = policy.update(state, some(**{arm: [1.0]}))
        sums = sums_of(state)
        assert sums["a"].n == 0
        assert 100 <= sums["b"].n <= 105
        assert len(state["blocks"]) <= 22

    def test_an_update_that_is_larger_than_the_window_counts_as_a_whole(self) -> None:
        policy = EpsilonGreedy(kind="epsilon_greedy", window=20)
        state = policy.update(policy.initial(["a"]), some(a=[0.0] * 5))
        state = policy.update(state, some(a=[1.0] * 70))
        state = policy.update(state, some(a=[0.5] * 10))
        assert sums_of(state)["a"].n == 80
