"""When a model can take another's place with nobody having to change, and what is told if not."""

from __future__ import annotations

import copy
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.registry.versions.contract import incompatibilities

FLIGHTS: Final[dict[str, Any]] = {
    "inputs": {
        "hour": {"type": "whole number", "domain": {"min": 0, "max": 23}},
        "wind": {"type": "number"},
        "origin": {"type": "string", "domain": {"values": ["EWR", "JFK", "LGA"]}},
    },
    "outputs": {"probability": "number"},
    "label": "late",
    "definition": "more than 15 minutes late",
    "task": "Binary",
    "positive": None,
    "classes": [],
    "derive": "",
}
GONE: Final = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The contract with another value at a path such as `inputs.hour.domain`; GONE removes it."""
    new = copy.deepcopy(FLIGHTS)
    *way, last = path.split(".")
    place = new
    for step in way:
        place = place[step]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return new


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("inputs.wind.type", "string", "input `wind` was number, is string"),
        ("inputs.hour.type", "number", "input `hour` was whole number, is number"),
        ("inputs.wind", GONE, "input `wind` is gone"),
        ("inputs.humid", {"type": "number"}, "input `humid` is new"),
        (
            "inputs.hour.domain",
            {"min": 0, "max": 12},
            "input `hour` took at least 0 and at most 23, takes at least 0 and at most 12",
        ),
        (
            "inputs.wind.domain",
            {"min": 0.5},
            "input `wind` took anything, takes at least 0.5",
        ),
        (
            "inputs.origin.domain",
            {"values": ["EWR", "SWF"]},
            "input `origin` no longer takes 'JFK', 'LGA'",
        ),
        (
            "inputs.hour.domain",
            {"kind": "time_domain", "is": "x"},
            "input `hour` took at least 0 and at most 23, takes kind time_domain, is x",
        ),
        ("label", "delayed", "the label was `late`, is `delayed`"),
        (
            "definition",
            "more than 30 minutes",
            "the label's definition was `more than 15 minutes late`, is `more than 30 minutes`",
        ),
        (
            "definition",
            "",
            "the label's definition was `more than 15 minutes late`, is not given",
        ),
        ("task", "Regression", "the task was `Binary`, is `Regression`"),
        ("positive", "yes", "the label's value that is yes was not given, is `yes`"),
        ("classes", ["a", "b"], "the list of classes was not given, is 'a', 'b'"),
        (
            "derive",
            "delay > 15",
            "the expression that makes the label was not given, is `delay > 15`",
        ),
        ("outputs.probability", "string", "output `probability` was number, is string"),
        ("outputs.value", "number", "output `value` is new"),
    ],
)
def test_a_change_that_callers_must_follow_is_told_in_words(
    path: str, value: Any, told: str
) -> None:
    assert incompatibilities(FLIGHTS, changed(path, value)) == [told]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("inputs.hour.domain", {"min": -1, "max": 24}),
        ("inputs.hour.domain", {"min": 0}),
        ("inputs.hour.domain", GONE),
        ("inputs.origin.domain", {"values": ["EWR", "JFK", "LGA", "SWF"]}),
        ("inputs.origin.domain", {}),
    ],
)
def test_a_domain_that_grows_asks_nothing_of_callers_and_its_way_back_does(
    path: str, value: Any
) -> None:
    grown = changed(path, value)
    assert incompatibilities(FLIGHTS, grown) == []
    assert len(incompatibilities(grown, FLIGHTS)) == 1


def test_everything_that_has_changed_is_told() -> None:
    other = FLIGHTS | {"inputs": {}, "label": "delayed", "outputs": {}}
    assert len(incompatibilities(FLIGHTS, other)) == 5


def test_of_many_values_that_are_gone_a_few_are_named() -> None:
    many = changed("inputs.origin.domain", {"values": [f"A{n:03}" for n in range(300)]})
    (told,) = incompatibilities(many, FLIGHTS)
    assert told == (
        "input `origin` no longer takes 'A000', 'A001', 'A002', 'A003', 'A004' and 295 more"
    )


bound = st.integers(-3, 3)


@given(was=st.tuples(bound, bound), now=st.tuples(bound, bound))
def test_bounds_fit_if_no_whole_number_that_was_taken_is_refused(
    was: tuple[int, int], now: tuple[int, int]
) -> None:
    def contract(ends: tuple[int, int]) -> dict[str, Any]:
        domain = {"min": min(ends), "max": max(ends)}
        return {"inputs": {"hour": {"type": "whole number", "domain": domain}}}

    taken, takes = (set(range(min(ends), max(ends) + 1)) for ends in (was, now))
    assert (incompatibilities(contract(was), contract(now)) == []) is (taken <= takes)


@given(st.sets(st.sampled_from("abcd"), min_size=1), st.sets(st.sampled_from("abcd"), min_size=1))
def test_values_fit_if_none_that_was_taken_is_refused(was: set[str], now: set[str]) -> None:
    def contract(values: set[str]) -> dict[str, Any]:
        return {"inputs": {"origin": {"type": "string", "domain": {"values": sorted(values)}}}}

    assert (incompatibilities(contract(was), contract(now)) == []) is (was <= now)
