"""Every kind of policy keeps the same promises: each check runs over examples of all kinds."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from taxiway.delivery.policies import Policy, parse
from taxiway.delivery.policies.contextual.lin_ucb import LinUcb
from taxiway.delivery.policies.contextual.linear_thompson import LinearThompson
from taxiway.delivery.policies.contextual.vowpal_wabbit import VowpalWabbit
from taxiway.delivery.policies.counted.epsilon_greedy import EpsilonGreedy
from taxiway.delivery.policies.counted.thompson import Thompson
from taxiway.delivery.policies.counted.ucb1 import Ucb1
from taxiway.delivery.policies.counted.weights import Weights
from taxiway.delivery.policies.policy import MOST_ARMS, Observation, State, sound
from taxiway.errors import TaxiwayError
from tests.conftest import REPOSITORY

FEATURES: tuple[Any, ...] = (
    {"kind": "number", "column": "age"},
    {"kind": "number", "column": "distance", "low": 0, "high": 100},
    {"kind": "category", "column": "carrier", "buckets": 4},
)
EXAMPLES: tuple[Policy, ...] = (
    Weights(kind="weights", weights={"1.0.0": 3, "1.1.0": 1}),
    EpsilonGreedy(kind="epsilon_greedy"),
    Ucb1(kind="ucb1"),
    Thompson(kind="thompson"),
    Thompson(kind="thompson", discount=0.9, window=40, floor=0.05),
    Thompson(kind="thompson", reward="gaussian"),
    LinUcb(kind="lin_ucb", features=FEATURES),
    LinearThompson(kind="linear_thompson", features=FEATURES, discount=0.99),
    VowpalWabbit(kind="vowpal_wabbit", features=FEATURES, bits=8),
)
ARMS = ["1.0.0", "1.1.0", "2.0.0"]
CONTEXTS: tuple[Mapping[str, Any], ...] = (
    {"age": 30, "distance": 12.5, "carrier": "UA"},
    {"age": -1e300, "distance": 1e300, "carrier": "never seen | 0:1:1\n|A x"},
    {"age": None, "distance": math.nan, "carrier": b"\xff\xfe"},
    {"age": "thirty", "distance": [1, 2], "carrier": 3.0},
    {},
)
seeds = pytest.mark.parametrize("seed", range(3))


@pytest.fixture(params=EXAMPLES, ids=[f"{place}-{one.kind}" for place, one in enumerate(EXAMPLES)])
def policy(request: pytest.FixtureRequest) -> Policy:
    example: Policy = request.param
    if example.kind == "vowpal_wabbit" and find_spec("vowpalwabbit") is None:
        pytest.skip("the extra vowpal-wabbit is not installed")
    return example


def observations(seed: int, count: int = 200) -> list[Observation]:
    """What came of random choices, some without columns."""
    random = np.random.default_rng(seed)
    return [
        Observation(
            ARMS[random.integers(3)],
            float(random.random() < 0.4),
            {"age": float(random.normal(40, 9)), "distance": 9, "carrier": f"C{number % 7}"}
            if number % 5
            else {},
            float(random.choice([0.2, 0.5, 1.0])),
        )
        for number in range(count)
    ]


def learnt(policy: Policy, seed: int = 0) -> State:
    return policy.update(policy.initial(ARMS), observations(seed))


def test_every_kind_is_tested_here() -> None:
    kinds = get_args(get_args(Policy)[0])
    assert {type(one) for one in EXAMPLES} == set(kinds)


@seeds
def test_propensities_sum_to_1_and_keep_the_floor(policy: Policy, seed: int) -> None:
    for state in (policy.initial(ARMS), learnt(policy, seed)):
        chooser = policy.chooser(state)
        for context in CONTEXTS:
            found = chooser.propensities(context)
            assert list(found) == ARMS
            assert math.fsum(found.values()) == pytest.approx(1, abs=1e-9)
            assert min(found.values()) >= policy.floor - 1e-12
            assert all(type(one) is float for one in found.values())


def test_an_arm_is_drawn_as_often_as_its_propensity_says(policy: Policy) -> None:
    chooser = policy.chooser(learnt(policy))
    uniforms = [0.0, *((place + 0.5) / 1_000 for place in range(1_000)), math.nextafter(1, 0)]
    for context in CONTEXTS[:2]:
        choices = [chooser.choose(context, uniform) for uniform in uniforms]
        found = choices[0].propensities
        for arm in ARMS:
            share = sum(one.arm == arm for one in choices[1:-1]) / 1_000
            assert share == pytest.approx(found[arm], abs=1.1e-3)
        assert all(one.propensity == found[one.arm] > 0 for one in choices)


def test_the_same_uniform_gives_the_same_arm_from_the_same_state(policy: Policy) -> None:
    state = learnt(policy)
    for uniform in (0.0, 0.3, 0.77, 0.999):
        first = policy.choose(CONTEXTS[0], state, uniform)
        assert policy.choose(CONTEXTS[0], state, uniform) == first
        assert policy.chooser(state).choose(CONTEXTS[0], uniform) == first


def test_a_state_survives_json_and_its_keys_in_any_order(policy: Policy) -> None:
    """Databases order the keys of JSON as they like."""
    state = learnt(policy)
    back = json.loads(json.dumps(state, sort_keys=True))
    for context in CONTEXTS:
        assert policy.chooser(back).propensities(context) == pytest.approx(
            policy.chooser(state).propensities(context), abs=1e-12
        )
    again = policy.update(back, observations(1))
    assert again["arms"] == ARMS


def test_learning_leaves_the_state_before_as_it_was(policy: Policy) -> None:
    state = learnt(policy)
    before = json.dumps(state)
    policy.update(state, observations(1))
    policy.with_arms(state, ["2.0.0", "3.0.0"])
    assert json.dumps(state) == before


def test_the_order_of_rewards_that_come_together_does_not_matter(policy: Policy) -> None:
    """Unless the kind says that it does."""
    start, found = policy.initial(ARMS), observations(0)
    one, other = policy.update(start, found), policy.update(start, found[::-1])
    for context in CONTEXTS:
        same = policy.chooser(one).propensities(context) == pytest.approx(
            policy.chooser(other).propensities(context), abs=1e-9
        )
        assert same or policy.ordered


def test_a_new_arm_is_asked_and_one_that_left_is_not(policy: Policy) -> None:
    arms = ["2.0.0", "3.0.0"]
    state = policy.with_arms(learnt(policy), arms)
    found = policy.chooser(state).propensities(CONTEXTS[0])
    assert list(found) == arms
    assert found["3.0.0"] >= policy.floor
    late = policy.update(state, [Observation("1.0.0", 1.0), Observation("3.0.0", 1.0)])
    assert list(policy.chooser(late).propensities({})) == arms


def test_an_arm_that_returns_is_what_it_was(policy: Policy) -> None:
    state = learnt(policy)
    back = policy.with_arms(policy.with_arms(state, ARMS[1:]), ARMS)
    for context in CONTEXTS:
        assert policy.chooser(back).propensities(context) == pytest.approx(
            policy.chooser(state).propensities(context), abs=1e-12
        )


def test_an_arm_that_left_is_forgotten_where_the_config_says_so(policy: Policy) -> None:
    forgets = policy.model_copy(update={"keep_gone": False})
    state = forgets.with_arms(learnt(forgets), ARMS[1:])
    assert "1.0.0" not in json.dumps(state)
    after = forgets.update(state, [Observation("1.0.0", 1.0)])
    assert "1.0.0" not in json.dumps(after)


def test_columns_that_the_policy_does_not_name_change_nothing(policy: Policy) -> None:
    chooser = policy.chooser(learnt(policy))
    more = {**CONTEXTS[0], "unknown": object(), "": None}
    assert chooser.propensities(more) == chooser.propensities(CONTEXTS[0])
    named = {column: CONTEXTS[0][column] for column in policy.columns}
    assert chooser.propensities(named) == chooser.propensities(CONTEXTS[0])
    assert bool(policy.columns) == policy.contextual


def test_an_observation_teaches_the_same_after_a_database_kept_it(policy: Policy) -> None:
    cells = [
        b"UA",
        b"\xff",
        "\ud800",
        math.nan,
        True,
        7,
        2**70,
        10**400,
        np.float32(1.5),
        None,
        [1],
    ]
    found = [
        Observation(arm, 1.0, {"carrier": cell, "age": cell, "distance": cell, "x": object()}, 0.5)
        for arm in ARMS[:2]
        for cell in cells
    ]
    kept = [Observation(*json.loads(json.dumps(one.to_json(), allow_nan=False))) for one in found]
    start = policy.initial(ARMS)
    assert policy.update(start, kept) == policy.update(start, found)
    chooser = policy.chooser(policy.update(learnt(policy), found))
    for one, other in zip(found, kept, strict=True):
        assert chooser.propensities(one.context) == chooser.propensities(other.context)


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_no_number_is_refused_and_can_be_set_aside(
    policy: Policy, reward: float
) -> None:
    good, bad = Observation("1.0.0", 1.0), Observation("1.1.0", reward)
    with pytest.raises(TaxiwayError, match=r"the reward of arm 1\.1\.0 is -?(nan|inf)"):
        policy.update(policy.initial(ARMS), [good, bad])
    kept, refused = sound(policy, [good, bad])
    assert kept == [good]
    assert len(refused) == 1


def test_a_propensity_that_cannot_be_is_refused(policy: Policy) -> None:
    with pytest.raises(TaxiwayError, match=r"propensity of arm 1\.1\.0 is 0"):
        policy.update(policy.initial(ARMS), [Observation("1.1.0", 1.0, {}, 0.0)])


def test_a_state_stays_small_whatever_comes(policy: Policy) -> None:
    state = policy.initial(ARMS)
    sizes = []
    for turn in range(60):
        arms = ["1.0.0", *(f"{turn + 3}.{place}.0" for place in range(4))]
        state = policy.with_arms(state, arms)
        more = [
            one._replace(arm=arms[place % 5], context={**one.context, "carrier": f"new {turn}"})
            for place, one in enumerate(observations(turn, 50))
        ]
        state = policy.update(state, more)
        sizes.append(len(json.dumps(state)))
    assert max(sizes[30:]) < 1.1 * max(sizes[:30])
    assert sizes[-1] < 60_000
    assert len(state["gone"]) == 20


def test_a_state_of_another_kind_is_refused(policy: Policy) -> None:
    state = policy.initial(ARMS) | {"kind": "another"}
    for use in (
        policy.chooser,
        lambda one: policy.update(one, []),
        lambda one: policy.with_arms(one, ARMS),
    ):
        with pytest.raises(
            TaxiwayError, match=f"of a policy another, expected one of {policy.kind}"
        ):
            use(state)


@pytest.mark.parametrize(
    "arms", [[], ["1.0.0", "1.0.0"], [str(one) for one in range(MOST_ARMS + 1)]]
)
def test_arms_that_cannot_be_are_refused(policy: Policy, arms: list[str]) -> None:
    with pytest.raises(TaxiwayError, match=f"got {len(arms)} arms"):
        policy.initial(arms)


def test_a_single_arm_is_certain_and_as_many_as_there_may_be_are_chosen_from(
    policy: Policy,
) -> None:
    assert policy.choose({}, policy.initial(["1.0.0"]), 0.9).propensity == pytest.approx(1)
    many = [str(one) for one in range(MOST_ARMS)]
    found = policy.chooser(policy.initial(many)).propensities({})
    assert math.fsum(found.values()) == pytest.approx(1, abs=1e-9)


def test_its_config_is_read_back_from_plain_values(policy: Policy) -> None:
    assert parse(json.loads(policy.model_dump_json())) == policy


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "best"}, "does not match any of the expected tags"),
        ({"kind": "thompson", "flor": 0.1}, "flor"),
        ({"kind": "ucb1", "floor": 0.6}, "less than or equal to 0.5"),
        ({"kind": "lin_ucb"}, "features"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        parse(settings)


def test_the_table_is_read_without_numpy() -> None:
    """The config holds it, and every command reads the config."""
    program = (
        "import sys, taxiway.delivery.policies\n"
        "print([one for one in ('numpy', 'vowpalwabbit') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
