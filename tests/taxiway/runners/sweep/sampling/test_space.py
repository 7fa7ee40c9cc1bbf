"""What `--set` values of a sweep mean, and which are refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.errors import ConfigError
from taxiway.registry.database.tables import canonical
from taxiway.runners.sweep.sampling.samplers import SAMPLERS
from taxiway.runners.sweep.sampling.space import Choices, Range, Space, parse_space


def test_commas_make_choices_but_not_within_brackets_or_quotes() -> None:
    space = parse_space(["a.b=1e-2,1e-3", "a.c=[32],[64, 32]", "a.d='x,y',z", "a.e={p: 1, q: 2},3"])
    assert space.dimensions == {
        "a.b": Choices(("1e-2", "1e-3")),
        "a.c": Choices(("[32]", "[64, 32]")),
        "a.d": Choices(("'x,y'", "z")),
        "a.e": Choices(("{p: 1, q: 2}", "3")),
    }


def test_two_numbers_with_dots_between_are_a_range_and_a_path_is_none() -> None:
    space = parse_space(["a.b=log:1e-4..1e-1", "a.c=16..128", "a.d=0.1..0.5", "a.e=../data"])
    assert space.dimensions == {
        "a.b": Range(1e-4, 1e-1, log=True),
        "a.c": Range(16, 128, whole=True),
        "a.d": Range(0.1, 0.5),
    }
    assert space.fixed == {"a.e": "../data"}


def test_one_value_is_the_same_in_each_trial_also_a_list_and_the_last_of_a_key_wins() -> None:
    space = parse_space(["a=1,2", "b=[x, y]", "a=5", "c=1,2"])
    assert dict(space.fixed) == {"b": "[x, y]", "a": "5"}
    assert list(space.dimensions) == ["c"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("a=1", "needs a key with several values"),
        ("a=5..2", "expected the lower end first"),
        ("a=3..3", "expected the lower end first"),
        ("a=log:0..1", "has no logarithm"),
        ("a=1,,2", "is empty"),
        ("a=1,", "is empty"),
        ("a", "takes key.path=values"),
        ("=1,2", "takes key.path=values"),
    ],
)
def test_what_cannot_be_tried_is_refused(given: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_space([given])


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 50), st.integers(1, 50), st.booleans())
def test_a_value_of_a_range_is_in_it(share: float, low: int, more: int, log: bool) -> None:
    for one in (Range(low, low + more, log, True), Range(low / 7, (low + more) / 7, log)):
        value = float(one.at(share))
        assert one.low * (1 - 1e-12) <= value <= one.high * (1 + 1e-12)
        assert not one.whole or one.at(share).isdigit()


def test_both_ends_of_integers_are_drawn_and_each_as_often() -> None:
    one = Range(1, 4, whole=True)
    drawn = [one.at(number / 1000) for number in range(1000)]
    assert {value: drawn.count(value) for value in drawn} == dict.fromkeys("1234", 250)


def test_a_number_has_six_digits_and_stays_within_the_range() -> None:
    one = Range(1 / 3, 2 / 3)
    assert (one.at(0.0), one.at(0.5)) == (repr(1 / 3), "0.5")
    assert one.at(0.1) == "0.366667"


def test_a_space_is_read_from_what_it_was_written_as() -> None:
    space = parse_space(["z.b=log:1e-4..0.123456789", "a.c=16..128", "a.d=x,y", "a.e=5"])
    read = Space.from_json(json.loads(canonical(space.to_json())))
    assert read == space
    assert list(read.dimensions) == ["z.b", "a.c", "a.d"]  # a grid goes by it


def test_a_grid_takes_every_combination_once_and_no_range() -> None:
    grid = SAMPLERS["grid"](parse_space(["a=1,2", "b=x,y,z"]), 0, True)
    assert grid.size() == 6
    found = [grid.propose(number, ()) for number in range(1, 7)]
    assert found[0] == {"a": "1", "b": "x"}
    assert found[1] == {"a": "1", "b": "y"}
    assert len({tuple(one.items()) for one in found}) == 6
    with pytest.raises(ConfigError, match="--random N or --tpe N take ranges"):
        SAMPLERS["grid"](parse_space(["a=1,2", "b=1..3"]), 0, True)


def test_chance_goes_by_the_seed_and_the_number_alone() -> None:
    space = parse_space(["a=log:1e-4..1e-1", "b=x,y,z"])
    first, again, other = (SAMPLERS["random"](space, seed, True) for seed in (1, 1, 2))
    drawn = [first.propose(number, ()) for number in range(1, 20)]
    assert [again.propose(number, ()) for number in range(1, 20)] == drawn
    assert [other.propose(number, ()) for number in range(1, 20)] != drawn
    assert {one["b"] for one in drawn} == {"x", "y", "z"}
