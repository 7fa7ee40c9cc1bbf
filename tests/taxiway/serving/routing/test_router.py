"""Whose a request is, who is of an audience, what is named by hand, and what a policy draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.delivery.evidence.records import AUDIENCE, OTHERS
from taxiway.delivery.policies.choosers import Chooser, FixedChooser
from taxiway.delivery.section import ColumnKey, CookieKey, HeaderKey, Key
from taxiway.registry.routes.placed import Placed
from taxiway.registry.routes.route import Arm, Condition, Mirror, Route, RoutePolicy
from taxiway.serving.requests.ask import Ask
from taxiway.serving.requests.examples import serialized_example
from taxiway.serving.routing.choose import Choice, Split, is_mirrored, uniform_of
from taxiway.serving.routing.router import Router
from taxiway.serving.routing.table import RoutingTable

HALVES = Route(
    "parcels",
    "",
    7,
    "salt",
    (
        Arm("stable", "1.0.0", 1, "/1", ((0, 5_000),)),
        Arm("1.1.0", "1.1.0", 2, "/2", ((5_000, 10_000),)),
    ),
)
PLACED = [Placed("1.1.0", 2, "/2"), Placed("1.0.0", 1, "/1"), Placed("0.9.0", 9, "/9")]


def asking(columns: Mapping[str, list[Any]] | None = None, **others: Any) -> Ask:
    return Ask("parcels", 1, {} if columns is None else columns, **others)


def chosen(ask: Ask, route: Route = HALVES, router: Router | None = None) -> Choice:
    table = RoutingTable({"parcels": route}, {"parcels": PLACED}, {"parcels": {"old": "0.9.0"}})
    return (router or Router()).choice(table, ask)


class TestKeys:
    """What says whose a request is."""

    @pytest.mark.parametrize(
        ("key", "ask", "found"),
        [
            (HeaderKey(kind="header", name="X-User"), asking(headers={b"x-user": b"ann"}), "ann"),
            (HeaderKey(kind="header", name="x-user"), asking(key="ben"), "ben"),
            (CookieKey(kind="cookie", name="id"), asking(headers={b"cookie": b"id=ann"}), "ann"),
            (
                CookieKey(kind="cookie", name="id"),
                asking(headers={b"cookie": b'uid=x; id="ann" ;id=z'}, key="ben"),
                "ann",
            ),
            (CookieKey(kind="cookie", name="id"), asking(headers={b"cookie": b"uid=x"}), ""),
            (ColumnKey(kind="column", name="user"), asking({"user": [7.0, 8]}, key="ben"), "7"),
            (ColumnKey(kind="column", name="user"), asking({"other": [7]}, key="ben"), "ben"),
            (
                ColumnKey(kind="column", name="user"),
                Ask("parcels", 1, None, [serialized_example({"user": 7})]),
                "7",
            ),
            (ColumnKey(kind="column", name="user"), Ask("parcels", 1, None, [b"\xff"]), ""),
            (None, asking({"customer": ["ann"]}), "ann"),
            (None, asking({"customer": ["ann"]}, key="ben"), "ben"),
            (CookieKey(kind="cookie", name="id"), asking({"customer": ["ann"]}), "ann"),
        ],
    )
    def test_header_cookie_or_column(self, key: Key | None, ask: Ask, found: str) -> None:
        chosen(ask, router=Router(key, "customer"))
        assert ask.key == found

    def test_the_same_key_gets_the_same_arm_whichever_way_it_comes(self) -> None:
        for number in range(50):
            user = f"u{number}"
            by_cookie = asking(headers={b"cookie": f"id={user}".encode()}, request_id="r1")
            by_column = asking({"id": [user]}, request_id="r2")
            found = {
                chosen(by_cookie, router=Router(CookieKey(kind="cookie", name="id"))).version,
                chosen(by_column, router=Router(ColumnKey(kind="column", name="id"))).version,
                chosen(asking(key=user)).version,
            }
            assert len(found) == 1

    def test_a_cookie_that_is_long_is_known_by_its_hash(self) -> None:
        ask, same, other = (
            asking(headers={b"cookie": b"id=" + 4_000 * b"x" + end}) for end in (b"1", b"1", b"2")
        )
        for one in (ask, same, other):
            chosen(one, router=Router(CookieKey(kind="cookie", name="id")))
        assert ask.key == same.key != other.key
        assert len(ask.key) < 80


class TestAudience:
    """Who is of it."""

    north = Condition("column", "region", ("north", "7"))
    staff = Condition("header", "x-staff", ("yes",))
    early = Condition("cookie", "early", ("1", "2"))

    @pytest.mark.parametrize(
        ("conditions", "ask", "within"),
        [
            ((north,), asking({"region": ["north", "south"]}), True),
            ((north,), asking({"region": ["south", "north"]}), False),
            ((north,), asking({"region": [7.0]}), True),
            ((north,), asking({"region": [["west", "north"]]}), True),
            ((north,), asking({"region": [None]}), False),
            ((north,), asking(), False),
            ((north,), Ask("parcels", 1, None, [serialized_example({"region": "north"})]), True),
            ((north,), Ask("parcels", 1, None, [b"no example"]), False),
            ((Condition("column", "vip", ("true",)),), asking({"vip": [True]}), True),
            ((staff,), asking(headers={b"x-staff": b"yes"}), True),
            ((staff,), asking(headers={b"x-staff": b"no"}), False),
            ((early,), asking(headers={b"cookie": b"a=1; early=2"}), True),
            ((early,), asking(headers={b"cookie": b"early=3; late=1"}), False),
            ((north, staff), asking({"region": ["north"]}, headers={b"x-staff": b"yes"}), True),
            ((north, staff), asking({"region": ["north"]}), False),
        ],
    )
    def test_all_of_its_conditions_hold(
        self, conditions: tuple[Condition, ...], ask: Ask, within: bool
    ) -> None:
        route = replace(HALVES, audience=conditions)
        found = [chosen(replace(ask, key=f"u{number}"), route) for number in range(100)]
        if within:
            assert {(one.policy, one.segment) for one in found} == {("weights", AUDIENCE)}
            assert {one.version for one in found} == {"1.0.0", "1.1.0"}
            return
        assert {(one.policy, one.segment) for one in found} == {("audience", OTHERS)}
        assert {(one.version, one.propensity) for one in found} == {("1.0.0", 1.0)}
        assert found[0].propensities == {"1.0.0": 1.0, "1.1.0": 0.0}

    def test_examples_are_read_only_where_a_column_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read(_: bytes) -> Any:
            raise AssertionError("it is read")

        monkeypatch.setattr("taxiway.serving.routing.said.row_of", read)
        ask = Ask("parcels", 1, None, [b""], headers={b"x-staff": b"yes"})
        assert chosen(ask, replace(HALVES, audience=(self.staff,))).segment == AUDIENCE
        with pytest.raises(AssertionError):
            chosen(ask, replace(HALVES, audience=(self.staff, self.north)))

    def test_an_audience_whose_traffic_goes_to_one_version_has_it_for_certain(self) -> None:
        whole = Arm("1.1.0", "1.1.0", 2, "/2", ((0, 10_000),))
        route = replace(
            HALVES,
            arms=(Arm("stable", "1.0.0", 1, "/1", ()), whole),
            audience=(self.staff,),
        )
        found = chosen(asking(headers={b"x-staff": b"yes"}), route)
        assert (found.version, found.policy, found.propensity) == ("1.1.0", "weights", 1.0)
        assert chosen(asking(), route).version == "1.0.0"


class TestByHand:
    """A header or a cookie names a version."""

    @pytest.mark.parametrize(
        ("headers", "version"),
        [
            ({b"x-taxiway-version": b"1.1.0"}, "1.1.0"),
            ({b"x-taxiway-version": b" 2 "}, "1.1.0"),
            ({b"x-taxiway-version": b"old"}, "0.9.0"),
            ({b"x-taxiway-version": b"stable"}, "1.0.0"),
            ({b"cookie": b"a=b; taxiway-version=9"}, "0.9.0"),
            ({b"cookie": b"taxiway-version=1.0.0", b"x-taxiway-version": b"1.1.0"}, "1.1.0"),
        ],
    )
    def test_by_name_number_or_label(self, headers: dict[bytes, bytes], version: str) -> None:
        outside = replace(HALVES, audience=(TestAudience.staff,))
        for route in (HALVES, outside):
            ask = asking(headers=headers)
            found = chosen(ask, route)
            assert (found.version, found.policy, found.propensity) == (version, "override", 1.0)
            assert not found.is_drawn
            assert (ask.version, ask.overrides) == (version, True)

    def test_a_path_that_names_a_version_counts_before_it(self) -> None:
        found = chosen(asking(version="1", headers={b"x-taxiway-version": b"2"}))
        assert (found.version, found.policy) == ("1.0.0", "named")

    def test_what_is_not_there_is_refused_with_what_is(self) -> None:
        with pytest.raises(Refusal) as refused:
            chosen(asking(headers={b"x-taxiway-version": b"1.1.1"}))
        assert refused.value.code is Code.NOT_FOUND
        assert "it has: 1.0.0, 1.1.0, 0.9.0, stable, old" in refused.value.message
        with pytest.raises(Refusal) as refused:
            chosen(asking(headers={b"x-taxiway-version": b"\x1b\xff" + 9_000 * b"x"}))
        assert len(refused.value.message) < 400
        assert "\x1b" not in refused.value.message


class States:
    """What one experiment has learnt."""

    def __init__(self, chooser: Chooser | None) -> None:
        self._chooser = chooser

    def chooser(self, experiment: int) -> Chooser | None:
        assert experiment == 3
        return self._chooser


class ByRegion(Chooser):
    """The new version in the north."""

    def propensities(self, context: Mapping[str, Any]) -> Mapping[str, float]:
        new = 0.9 if context.get("region") == "north" else 0.0
        return {"1.0.0": 1 - new, "1.1.0": new}


class TestPolicies:
    """An experiment's policy chooses in place of the slots."""

    route = replace(HALVES, policy=RoutePolicy(3, {"kind": "thompson"}))

    def found(self, chooser: Chooser | None, route: Route | None = None) -> list[Choice]:
        router = Router(states=States(chooser))
        return [
            chosen(asking(key="ann", request_id=f"r{number}"), route or self.route, router)
            for number in range(4_000)
        ]

    def test_arms_are_drawn_with_the_propensities_that_are_told(self) -> None:
        propensities = {"1.0.0": 0.2, "1.1.0": 0.8}
        found = self.found(FixedChooser(propensities))
        counts = Counter(one.version for one in found)
        assert counts["1.1.0"] / len(found) == pytest.approx(0.8, abs=0.03)
        for one in found:
            assert (one.policy, one.experiment, one.revision) == ("thompson", 3, 7)
            assert one.propensity == propensities[one.version] == one.propensities[one.version]

    def test_the_draw_can_be_made_again_from_what_the_log_has(self) -> None:
        chooser = FixedChooser({"1.0.0": 0.2, "1.1.0": 0.8})
        found = self.found(chooser)
        again = [
            chooser.choose({}, uniform_of(3, "ann", f"r{number}")).arm for number in range(4_000)
        ]
        assert [one.version for one in found] == again
        assert found == self.found(chooser)

    def test_the_context_is_the_columns_of_the_first_row(self) -> None:
        router = Router(states=States(ByRegion()))
        north = chosen(asking({"region": ["north", "south"]}), self.route, router)
        south = Ask("parcels", 1, None, [serialized_example({"region": "south"})])
        assert north.propensities == pytest.approx({"1.0.0": 0.1, "1.1.0": 0.9})
        assert chosen(south, self.route, router).propensities == {"1.0.0": 1.0, "1.1.0": 0.0}

    @pytest.mark.parametrize(
        "chooser",
        [
            None,
            FixedChooser({"1.0.0": 0.5, "1.2.0": 0.5}),
            FixedChooser({"1.0.0": 1.0}),
        ],
        ids=["no state yet", "of another arm", "of fewer arms"],
    )
    def test_without_a_state_of_these_arms_it_goes_by_the_slots(
        self, chooser: Chooser | None
    ) -> None:
        found = self.found(chooser)
        assert {(one.version, one.policy, one.experiment) for one in found} == {
            (chosen(asking(key="ann")).version, "weights", 0)
        }

    def test_outside_of_the_audience_no_policy_chooses(self) -> None:
        route = replace(self.route, audience=(TestAudience.staff,))
        found = self.found(FixedChooser({"1.0.0": 0.0, "1.1.0": 1.0}), route)
        assert {(one.version, one.policy) for one in found} == {("1.0.0", "audience")}


@pytest.mark.parametrize("shares", [(0.1, 0.2, 0.7), (0.3333, 0.3333, 0.3334)])
def test_propensities_of_every_choice_sum_to_1(shares: tuple[float, ...]) -> None:
    arms, start = [], 0
    for number, share in enumerate(shares):
        end = start + round(share * 10_000)
        name = f"1.{number}.0"
        arms.append(Arm(name if number else "stable", name, number, "/", ((start, end),)))
        start = end
    split = Split(replace(HALVES, arms=tuple(arms)))
    choices = [split.by_slot(f"u{number}") for number in range(100)]
    choices += [split.outside, split.certain(arms[1], "named")]
    for one in choices:
        assert sum(one.propensities.values()) == pytest.approx(1, abs=1e-9)
        assert one.propensities[one.version] == one.propensity


def test_a_share_of_requests_is_mirrored_whichever_arm_they_go_to() -> None:
    route = replace(HALVES, mirror=Mirror("1.2.0", 3, "/3", 0.25))
    ids = [f"r{number}" for number in range(20_000)]
    found = {request_id for request_id in ids if is_mirrored(route, request_id)}
    assert len(found) / len(ids) == pytest.approx(0.25, abs=0.015)
    split = Split(route)
    stable = [one for one in ids if split.by_slot(one).arm == "stable"]
    assert len(found & set(stable)) / len(stable) == pytest.approx(0.25, abs=0.02)
    assert not any(is_mirrored(HALVES, one) for one in ids[:100])
    whole = replace(HALVES, mirror=Mirror("1.2.0", 3, "/3", 1.0))
    assert all(is_mirrored(whole, one) for one in ids)
