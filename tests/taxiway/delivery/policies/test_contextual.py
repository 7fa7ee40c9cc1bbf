"""Policies that look at the request: its columns as features, and what is expected of an arm."""

from __future__ import annotations

import math
import sys
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from taxiway.delivery.policies import parse
from taxiway.delivery.policies.contextual.features import (
    CategoryFeature,
    Feature,
    NumberFeature,
    encoder,
    look,
    width,
)
from taxiway.delivery.policies.contextual.lin_ucb import LinUcb
from taxiway.delivery.policies.contextual.linear_thompson import LinearThompson
from taxiway.delivery.policies.policy import Observation
from taxiway.errors import ConfigError, TaxiwayError

X = NumberFeature(kind="number", column="x", low=0, high=1)
Y = NumberFeature(kind="number", column="y", low=0, high=1)
ROWS = [
    ("a", 0.1, 0.9, 3.0),
    ("a", 0.4, 0.2, 1.0),
    ("a", 0.8, 0.5, 0.0),
    ("a", 0.9, 0.1, -1.0),
    ("b", 0.2, 0.3, 0.0),
    ("b", 0.6, 0.6, 2.0),
    ("b", 0.7, 0.9, 4.0),
    ("b", 0.3, 0.8, 1.0),
    ("c", 0.5, 0.5, 2.0),
    ("c", 0.1, 0.2, 2.5),
    ("c", 0.9, 0.8, 1.5),
]
OBSERVATIONS = [Observation(arm, reward, {"x": x, "y": y}) for arm, x, y, reward in ROWS]


class Asked(LinUcb):
    """Notes what it is asked."""

    def wanted(self, means: Any, deviations: Any) -> list[float]:
        """As LinUCB."""
        bounds.append((means + deviations).tolist())
        return super().wanted(means, deviations)


bounds: list[list[float]] = []


class TestFeatures:
    """Columns become numbers between 0 and 1."""

    def test_a_number_is_scaled_by_its_bounds_and_cut_off_at_them(self) -> None:
        feature = NumberFeature(kind="number", column="km", low=100, high=300)
        encode = encoder([feature], {})
        assert encode({"km": 150}) == [1, 0.25, 0]
        assert encode({"km": -1e9}) == [1, 0, 0]
        assert encode({"km": np.float32(1e9)}) == [1, 1, 0]

    @pytest.mark.parametrize("value", [None, math.nan, math.inf, "far", [1], 10**400])
    def test_what_is_no_number_is_missing(self, value: Any) -> None:
        assert encoder([X], {})({"x": value}) == [1, 0, 1]
        assert encoder([X], {})({}) == [1, 0, 1]

    def test_a_category_is_one_bucket_that_is_the_same_everywhere(self) -> None:
        feature = CategoryFeature(kind="category", column="carrier", buckets=4)
        encode = encoder([feature], {})
        assert encode({"carrier": "UA"}) == encode({"carrier": b"UA"}) == [1, 0, 0, 1, 0, 0]
        assert encode({"carrier": 3}) == encode({"carrier": 3.0})
        assert encode({"carrier": "never seen"})[5] == 0
        seen = {tuple(encode({"carrier": f"C{number}"})) for number in range(50)}
        assert len(seen) == 4

    @pytest.mark.parametrize("value", [None, "", math.nan, b""])
    def test_an_empty_category_is_missing(self, value: Any) -> None:
        feature = CategoryFeature(kind="category", column="carrier", buckets=2)
        assert encoder([feature], {})({"carrier": value}) == [1, 0, 0, 1]

    def test_bounds_that_are_not_given_are_learnt_once_and_stay(self) -> None:
        feature = NumberFeature(kind="number", column="age")
        few = look([feature], {}, [{"age": 40 + number % 3} for number in range(20)])
        assert encoder([feature], few)({"age": 40}) == [1, 0, 1]
        settled = look([feature], few, [{"age": 40 + number % 3} for number in range(10)])
        assert settled["age"]["low"] == pytest.approx(41 - 2 * (2 / 3) ** 0.5, abs=0.1)
        assert encoder([feature], settled)({"age": 41}) == pytest.approx([1, 0.5, 0], abs=0.05)
        assert look([feature], settled, [{"age": 1e6}] * 100) == settled

    def test_a_column_that_never_differs_settles_no_bounds(self) -> None:
        feature = NumberFeature(kind="number", column="age")
        seen = look([feature], {}, [{"age": 0.1}] * 1_000)
        assert encoder([feature], seen)({"age": 0.1}) == [1, 0, 1]

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"kind": "number", "column": "x", "low": 1}, "both low and high"),
            ({"kind": "number", "column": "x", "low": 1, "high": 1}, "must be below"),
            ({"kind": "category", "column": "x", "buckets": 1}, "greater than or equal to 2"),
            ({"kind": "text", "column": "x"}, "does not match"),
        ],
    )
    def test_features_that_cannot_be_are_refused(self, settings: dict[str, Any], told: str) -> None:
        with pytest.raises(ValidationError, match=told):
            TypeAdapter(Feature).validate_python(settings)

    def test_more_columns_than_a_state_may_hold_are_refused(self) -> None:
        many = [{"kind": "category", "column": str(one), "buckets": 20} for one in range(4)]
        with pytest.raises(ValidationError, match="features make 85 columns, at most 64"):
            parse({"kind": "lin_ucb", "features": many})


class TestLines:
    """The regressions, against MABWiser 2.7.4 on the same features and standardised rewards."""

    def test_lin_ucb_has_the_bounds_that_mabwiser_has(self) -> None:
        policy = Asked(kind="lin_ucb", features=(X, Y), alpha=0.7, ridge=2.0)
        chooser = policy.chooser(policy.update(policy.initial(["a", "b", "c"]), OBSERVATIONS))
        bounds.clear()
        for context in ({"x": 0.2, "y": 0.7}, {"x": 0.9, "y": 0.4}, {"y": 0.5}):
            chooser.propensities(context)
        # LearningPolicy.LinUCB(alpha=0.7, l2_lambda=2.0), predict_expectations
        assert bounds[0] == pytest.approx([0.240789727898, 0.496918437506, 0.612406440712])
        assert bounds[1] == pytest.approx([-0.261014266624, 0.730896081671, 0.630046072101])
        assert bounds[2] == pytest.approx([0.553442537572, 0.649999219699, 0.856515514742])

    def test_linear_thompson_draws_as_often_as_independent_draws_would(self) -> None:
        """Means and deviations are MABWiser's, of LearningPolicy.LinTS(alpha=0.7, l2_lambda=2)."""
        policy = LinearThompson(
            kind="linear_thompson", features=(X, Y), alpha=0.7, ridge=2.0, floor=0
        )
        chooser = policy.chooser(policy.update(policy.initial(["a", "b", "c"]), OBSERVATIONS))
        means = [-0.04591275943574724, 0.0602401304031486, 0.24494879102521236]
        deviations = [0.5993552970076808, 0.5897590892959491, 0.6115667237163928]
        drawn = np.random.default_rng(0).normal(means, deviations, (200_000, 3)).argmax(axis=1)
        expected = np.bincount(drawn, minlength=3) / 200_000
        found = list(chooser.propensities({"y": 0.5}).values())
        assert found == pytest.approx(expected.tolist(), abs=6e-3)

    def test_two_arms_are_as_probable_as_the_same_two_beside_a_hopeless_third(self) -> None:
        policy = LinearThompson(kind="linear_thompson", features=(X, Y), floor=0)
        means, deviations = np.array([0.3, 0.1]), np.array([0.5, 0.3])
        two = policy.wanted(means, deviations)
        three = policy.wanted(np.append(means, -9), np.append(deviations, 0.1))
        assert three == pytest.approx([*two, 0], abs=1e-3)
        assert two[0] == pytest.approx(0.6342, abs=1e-4)  # of a normal, 0.2 / hypot(0.5, 0.3)

    def test_the_unit_of_a_reward_does_not_matter(self) -> None:
        cents = [one._replace(reward=100 * one.reward - 777) for one in OBSERVATIONS]
        policy = LinearThompson(kind="linear_thompson", features=(X, Y))
        start = policy.initial(["a", "b", "c"])
        found = policy.chooser(policy.update(start, OBSERVATIONS)).propensities({"x": 0.4})
        others = policy.chooser(policy.update(start, cents)).propensities({"x": 0.4})
        assert others == pytest.approx(found, abs=1e-9)

    def test_a_state_of_other_features_is_refused(self) -> None:
        policy = LinUcb(kind="lin_ucb", features=(X,))
        state = policy.update(policy.initial(["a", "b"]), OBSERVATIONS[:3])
        other = LinUcb(kind="lin_ucb", features=(X, Y))
        for use in (other.chooser, lambda one: other.update(one, OBSERVATIONS)):
            with pytest.raises(TaxiwayError, match="with other features"):
                use(state)

    def test_a_discount_lets_a_new_relation_take_over(self) -> None:
        policy = LinUcb(kind="lin_ucb", features=(X,), discount=0.98, alpha=0.1, floor=0)
        state = policy.initial(["a", "b"])
        contexts = [{"x": number / 99} for number in range(100)]
        for best in ("a", "b"):
            rows = [
                Observation(arm, float(arm == best) * one["x"], one)
                for one in contexts
                for arm in "ab"
            ]
            for _ in range(3):
                state = policy.update(state, rows)
            assert policy.chooser(state).propensities({"x": 1.0})[best] == 1

    def test_its_state_has_half_a_matrix_for_each_arm(self) -> None:
        policy = LinUcb(kind="lin_ucb", features=(X, Y))
        state = policy.update(policy.initial(["a", "b", "c"]), OBSERVATIONS)
        size = width(policy.features)
        assert size == 5
        assert [len(one) for one in state["learnt"]["a"]] == [size * (size + 1) // 2, size]


class TestVowpalWabbit:
    """A plug-in: it is imported where it is chosen."""

    SETTINGS: ClassVar[dict[str, Any]] = {
        "kind": "vowpal_wabbit",
        "floor": 0,
        "features": [{"kind": "category", "column": "who", "buckets": 16}],
    }

    def test_without_its_package_the_error_names_the_extra(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "vowpalwabbit", None)
        policy = parse(self.SETTINGS)
        with pytest.raises(ConfigError, match="vowpal_wabbit needs the package") as told:
            policy.initial(["a", "b"])
        assert told.value.edit == "the project's dependencies: taxiway[vowpal-wabbit]"

    def test_what_came_of_a_rare_choice_counts_more(self) -> None:
        pytest.importorskip("vowpalwabbit")
        policy = parse(self.SETTINGS)
        found = {}
        for propensity in (0.05, 0.9):
            rows = [Observation("a", 1.0, {}, 0.5)] * 5 + [Observation("a", 0.0, {}, propensity)]
            found[propensity] = policy.update(policy.initial(["a", "b"]), rows)["model"]
        assert found[0.05] != found[0.9]

    @pytest.mark.parametrize(
        ("explorer", "exploration"), [("epsilon", 0.05), ("squarecb", 10), ("softmax", 10)]
    )
    def test_it_learns_who_wants_which_arm(self, explorer: str, exploration: float) -> None:
        pytest.importorskip("vowpalwabbit")
        policy = parse(self.SETTINGS | {"explorer": explorer, "exploration": exploration})
        random = np.random.default_rng(0)
        wants = {"ann | 0:0:1\n": "a", "ben": "b", "": "c"}
        rows = []
        for _ in range(1_500):
            who, arm = str(random.choice(list(wants))), str(random.choice(list("abc")))
            reward = float(random.random() < (0.9 if wants[who] == arm else 0.1))
            rows.append(Observation(arm, reward, {"who": who}, 1 / 3))
        chooser = policy.chooser(policy.update(policy.initial(["a", "b", "c"]), rows))
        for who, arm in wants.items():
            assert chooser.propensities({"who": who})[arm] > 0.6
