"""A key keeps its version for as long as it can, and shares are what their weights say."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxiway.access.refusal import Code, Refusal
from taxiway.registry.routes.placed import Placed
from taxiway.registry.routes.route import SLOTS, WHOLE, Arm, Ranges, Route, allocate
from taxiway.serving.requests.ask import Ask
from taxiway.serving.routing.choose import Choice, slot
from taxiway.serving.routing.router import Router
from taxiway.serving.routing.table import RoutingTable

VERSIONS = ("1.0.0", "1.1.0", "1.2.0", "2.0.0")


def route(ranges: dict[str, Ranges], salt: str = "salt") -> Route:
    arms = [
        Arm("stable" if place == 0 else version, version, place + 1, f"/m/{place + 1}", of)
        for place, (version, of) in enumerate(ranges.items())
    ]
    return Route("parcels", "", 1, salt, tuple(arms))


def choose(here: Route, key: str, request_id: str) -> Choice:
    """The arm of a request that names no version."""
    asked = Ask("parcels", 1, {}, key=key, request_id=request_id)
    return Router().choice(RoutingTable({"parcels": here}), asked)


@st.composite
def weights(draw: st.DrawFn) -> dict[str, int]:
    """Slots of some versions, all of them together SLOTS."""
    names = draw(st.lists(st.sampled_from(VERSIONS), min_size=1, unique=True))
    cuts = draw(
        st.lists(
            st.integers(1, SLOTS - 1), min_size=len(names) - 1, max_size=len(names) - 1, unique=True
        )
    )
    edges = [0, *sorted(cuts), SLOTS]
    return {name: edges[i + 1] - edges[i] for i, name in enumerate(names)}


def owners(ranges: dict[str, Ranges]) -> list[str]:
    """Whose each slot is."""
    found = [""] * SLOTS
    for version, of in ranges.items():
        for start, end in of:
            assert not any(found[start:end])
            found[start:end] = [version] * (end - start)
    return found


@settings(deadline=None, max_examples=40)
@given(st.lists(weights(), min_size=1, max_size=4))
def test_every_slot_has_one_owner_and_no_more_move_than_the_weights_ask_for(
    moves: list[dict[str, int]],
) -> None:
    ranges: dict[str, Ranges] = {}
    before = [""] * SLOTS
    counted: dict[str, int] = {}
    for wanted in moves:
        ranges = allocate(ranges, wanted)
        after = owners(ranges)
        assert Counter(after) == wanted
        moved = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        grown = {name: max(0, count - counted.get(name, 0)) for name, count in wanted.items()}
        assert Counter(to for _, to in moved) == +Counter(grown)
        before, counted = after, wanted


@settings(deadline=None, max_examples=60)
@given(weights(), st.text(max_size=40), st.text(max_size=40))
def test_a_key_gets_the_same_arm_each_time_whatever_the_request_is(
    wanted: dict[str, int], key: str, other: str
) -> None:
    here = route(allocate({}, wanted))
    by_key = choose(here, key or "k", other)
    assert choose(here, key or "k", "another request") == by_key
    assert choose(here, "", key or "k") == by_key
    assert by_key.propensity == wanted[by_key.version] / SLOTS
    assert by_key.arm == ("stable" if by_key.version == next(iter(wanted)) else by_key.version)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_shares_of_keys_are_those_of_the_weights(share: float) -> None:
    count = int(share * SLOTS)
    here = route(allocate({"1.0.0": WHOLE}, {"1.0.0": SLOTS - count, "1.1.0": count}))
    keys = 20_000
    got = sum(choose(here, f"user-{number}", "").version == "1.1.0" for number in range(keys))
    deviation = (keys * share * (1 - share)) ** 0.5
    assert abs(got - keys * share) < 5 * deviation


def test_a_growing_arm_keeps_its_keys_and_takes_from_the_one_that_shrinks_only() -> None:
    first = allocate({"1.0.0": WHOLE}, {"1.0.0": 8000, "1.1.0": 1000, "1.2.0": 1000})
    second = allocate(first, {"1.0.0": 7000, "1.1.0": 2000, "1.2.0": 1000})
    keys = [f"user-{number}" for number in range(5000)]
    moves = Counter(
        (choose(route(first), key, "").version, choose(route(second), key, "").version)
        for key in keys
    )
    changed = {pair for pair in moves if pair[0] != pair[1]}
    assert changed == {("1.0.0", "1.1.0")}


def test_another_model_or_salt_splits_keys_independently() -> None:
    here, there = route({"1.0.0": WHOLE}, "here"), route({"1.0.0": WHOLE}, "there")
    keys = [f"user-{number}" for number in range(5000)]
    low = [key for key in keys if slot(here, key) < SLOTS // 2]
    again = sum(slot(there, key) < SLOTS // 2 for key in low)
    assert 0.45 < again / len(low) < 0.55


def test_with_one_arm_it_is_certain() -> None:
    choice = choose(route({"1.0.0": WHOLE}), "ann", "r1")
    assert (choice.arm, choice.version, choice.number, choice.propensity) == (
        "stable",
        "1.0.0",
        1,
        1.0,
    )


class TestNames:
    """What a client may call a version."""

    table = RoutingTable(
        {"parcels": route(allocate({}, {"1.1.0": 9000, "1.2.0": 1000}))},
        {
            "parcels": [
                Placed("1.2.0", 2, "/m/2"),
                Placed("1.1.0", 1, "/m/1"),
                Placed("1.0.0", 7, "/m/7"),
                Placed("1.1.0", 5, "/m/5"),
            ]
        },
        {"parcels": {"champion": "1.1.0", "older": "1.0.0", "new": "3.0.0"}},
    )

    @pytest.mark.parametrize(
        ("named", "arm", "version", "number"),
        [
            ({"version": "1"}, "stable", "1.1.0", 1),
            ({"version": "2"}, "1.2.0", "1.2.0", 2),
            ({"version": "1.2.0"}, "1.2.0", "1.2.0", 2),
            ({"version": "1.0.0"}, "1.0.0", "1.0.0", 7),
            ({"version": "7"}, "1.0.0", "1.0.0", 7),
            ({"version": "5"}, "stable", "1.1.0", 1),  # the same version, where it has traffic
            ({"label": "stable"}, "stable", "1.1.0", 1),
            ({"label": "champion"}, "stable", "1.1.0", 1),
            ({"label": "older"}, "1.0.0", "1.0.0", 7),
        ],
    )
    def test_numbers_names_and_labels(
        self, named: dict[str, str], arm: str, version: str, number: int
    ) -> None:
        found = self.table.named("parcels", **named)
        assert (found.arm, found.version, found.number) == (arm, version, number)
        assert found.propensity == 1.0

    @pytest.mark.parametrize(
        ("model", "named", "told"),
        [
            ("parcel", {}, "did you mean 'parcels'?"),
            ("parcels", {"version": "1.2"}, "it has: 1.1.0, 1.2.0, 1.0.0"),
            ("parcels", {"version": "9" * 400}, "has no version '9999"),
            ("parcels", {"label": "champoin"}, "did you mean 'champion'?"),
            ("parcels", {"label": "new"}, "parcels/3.0.0 was never deployed"),
        ],
    )
    def test_what_is_not_there_is_refused_with_what_is(
        self, model: str, named: dict[str, str], told: str
    ) -> None:
        with pytest.raises(Refusal) as refused:
            Router().choice(self.table, Ask(model, 1, {}, **named))
        assert refused.value.code is Code.NOT_FOUND
        assert told in refused.value.message
        assert len(refused.value.message) < 400

    def test_labels_of_each_version(self) -> None:
        assert self.table.labels("parcels") == {
            "1.1.0": ("stable", "champion"),
            "1.0.0": ("older",),
            "3.0.0": ("new",),
        }
