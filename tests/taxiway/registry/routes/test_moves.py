"""Traffic moves at once, by whoever may, as long as nobody else has moved it meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.approval.states import NotApproved, set_state
from taxiway.registry.auth.actor import Actor, NotAllowed, Permission, Role
from taxiway.registry.catalog.aliases import archive
from taxiway.registry.database.tables import audit
from taxiway.registry.deploy.history import serving
from taxiway.registry.deploy.rollback import rollback
from taxiway.registry.routes.moves import parse_weight
from taxiway.registry.routes.route import SLOTS, Route
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.deploy.conftest import BEN
from tests.taxiway.registry.routes.conftest import Traffic


def owners(route: Route) -> list[str]:
    return [route.arm_at(slot).version for slot in range(SLOTS)]


class TestMoves:
    """On every kind of database."""

    def test_what_is_acknowledged_has_all_traffic(self, traffic: Traffic) -> None:
        now, newest = traffic.now, traffic.history()[-1]
        assert (now.route.revision, now.action, now.moved_by) == (3, "deploy", "ben")
        assert traffic.shares == {traffic.versions[2].name: ("stable", 100.0)}
        assert now.route.stable.place == newest.place
        assert now.route.stable.number == int(newest.place.rpartition("/")[2])

    def test_promote_gives_an_earlier_version_all_traffic_where_it_is_already(
        self, traffic: Traffic
    ) -> None:
        first, _, third = traffic.versions
        place, folders = traffic.history()[0].place, traffic.site.served()
        made = traffic.promote(first, reason="it is slow")
        assert traffic.shares == {first.name: ("stable", 100.0)}
        assert traffic.now.route == made.after
        assert traffic.now.route.stable.place == place
        assert traffic.site.served() == folders
        before, last = traffic.history()[-2:]
        assert (before.version, last.version) == (third.name, first.name)
        assert before.until == last.since
        assert (last.action, last.queued_by, last.deployed_by) == ("promote", "ann", "ann")
        assert (last.reason, last.until, last.arm, last.weight) == ("it is slow", "", "stable", 100)
        assert traffic.audited()[-1] == "rollout.promote"

    def test_weights_split_it_and_each_share_is_in_the_history_from_when_to_when(
        self, traffic: Traffic
    ) -> None:
        _, second, third = traffic.versions
        traffic.weights((third, "90"), (second, "10"))
        assert traffic.shares == {third.name: ("stable", 90.0), second.name: (second.name, 10.0)}
        traffic.weights((second, "25.5"), (third, "74.5"))
        traffic.promote(second)
        told = [(one.version, one.arm, one.weight, one.action) for one in traffic.history()[2:]]
        assert told == [
            (third.name, "stable", 100.0, "deploy"),
            (third.name, "stable", 90.0, "weights"),
            (second.name, second.name, 10.0, "weights"),
            (third.name, "stable", 74.5, "weights"),
            (second.name, second.name, 25.5, "weights"),
            (second.name, "stable", 100.0, "promote"),
        ]
        times = [(one.since, one.until) for one in traffic.history()[2:]]
        for earlier, later in ((0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)):
            assert times[earlier][1] == times[later][0]
        assert times[-1][1] == ""

    def test_undo_goes_back_to_the_shares_before_and_each_key_to_its_version(
        self, traffic: Traffic
    ) -> None:
        _, second, third = traffic.versions
        split = traffic.weights((third, "60"), (second, "40")).after
        traffic.promote(second)
        made = traffic.undo()
        assert made.after.arms == split.arms
        assert owners(made.after) == owners(split)
        assert (traffic.now.action, traffic.now.restores) == ("undo", split.revision)
        assert traffic.serving() == {third.name: 60.0, second.name: 40.0}

    def test_undo_twice_goes_back_by_two_and_never_brings_back_what_was_undone(
        self, traffic: Traffic
    ) -> None:
        first, second, third = traffic.versions
        traffic.undo()
        assert traffic.shares == {second.name: ("stable", 100.0)}
        traffic.undo()
        assert traffic.shares == {first.name: ("stable", 100.0)}
        with pytest.raises(TaxiwayError, match="had no other route before revision 5"):
            traffic.undo()
        traffic.promote(third)
        traffic.undo()
        assert traffic.shares == {first.name: ("stable", 100.0)}
        assert [one.action for one in traffic.history()[3:]] == ["undo", "undo", "promote", "undo"]

    def test_of_two_that_move_it_at_once_one_is_told_what_the_other_did(
        self, traffic: Traffic
    ) -> None:
        first, second, _ = traffic.versions
        expected = traffic.now.route.revision
        begin, told = threading.Barrier(2), []

        def move(version: Any, actor: Actor) -> None:
            begin.wait()
            try:
                traffic.promote(version, expected, actor)
            except TaxiwayError as error:
                told.append(error.message)

        threads = [
            threading.Thread(target=move, args=args) for args in ((first, ANN), (second, BEN))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert traffic.now.route.revision == expected + 1
        (message,) = told
        assert message.startswith(
            f"the route of parcels is at revision {expected + 1}, and {expected} was expected: "
            f"{traffic.now.moved_by} moved it at 20"
        )
        assert f"(promote to {traffic.now.route.stable.version} 100%)" in message
        assert traffic.audited().count("rollout.promote") == 1

    def test_what_it_was_and_is_are_in_the_audit(self, traffic: Traffic) -> None:
        _, second, third = traffic.versions
        traffic.weights((third, "90"), (second, "10"))
        with traffic.database.reading() as connection:
            query = select(audit).order_by(audit.c.sequence.desc()).limit(1)
            entry = connection.execute(query).one()
        assert (entry.actor, entry.action, entry.subject) == ("ann", "rollout.weights", "parcels")
        assert entry.before == (
            f'{{"environment":"","revision":3,"stable":"{third.name}",'
            f'"weights":{{"{third.name}":100.0}}}}'
        )
        assert f'"weights":{{"{second.name}":10.0,"{third.name}":90.0}}' in entry.after

    def test_a_rollback_goes_from_the_stable_version_to_the_stable_one_before(
        self, traffic: Traffic
    ) -> None:
        first, second, third = traffic.versions
        traffic.weights((third, "90"), (first, "10"))
        traffic.weights((third, "80"), (first, "20"))
        with traffic.database.changing(ANN, Permission.DEPLOY) as change:
            made = rollback(change, "parcels", "")
        assert (made.instead_of.version, made.version.name) == (third.name, second.name)
        traffic.site.deploy()
        assert traffic.shares == {second.name: ("stable", 100.0)}
        assert traffic.serving() == {second.name: 100.0}

    def test_a_rollback_to_what_was_undone_is_queued_and_deployed(self, traffic: Traffic) -> None:
        _, _, third = traffic.versions
        traffic.undo()
        with traffic.database.changing(ANN, Permission.DEPLOY) as change:
            made = rollback(change, "parcels", "")
        assert (made.version.name, made.queued) == (third.name, True)
        traffic.site.deploy()
        assert traffic.shares == {third.name: ("stable", 100.0)}


class TestStable:
    """Of several versions, the one that answers where others fail."""

    def test_it_stays_where_it_is_among_them_whatever_its_weight(
        self, file_traffic: Traffic
    ) -> None:
        first, second, third = file_traffic.versions
        file_traffic.weights((first, "60"), (second, "30"), (third, "10"))
        assert file_traffic.shares[third.name] == ("stable", 10.0)
        assert file_traffic.now.route.stable.version == third.name
        with file_traffic.database.reading() as connection:
            found = serving(connection, "parcels", "")
        assert found is not None
        assert (found.version, found.weight) == (third.name, 10.0)

    def test_else_it_is_the_first_of_the_highest_weight(self, file_traffic: Traffic) -> None:
        first, second, _ = file_traffic.versions
        file_traffic.weights((first, "50"), (second, "50"))
        assert file_traffic.now.route.stable.version == first.name


class TestNothingToDo:
    """A move to where traffic is already."""

    def test_it_makes_no_revision_and_no_entry(self, file_traffic: Traffic) -> None:
        before, told = file_traffic.now, file_traffic.audited()
        made = file_traffic.promote(file_traffic.versions[2])
        assert not made.moved
        assert not file_traffic.weights((file_traffic.versions[2], "100")).moved
        assert file_traffic.now == before
        assert file_traffic.audited() == told


class TestRefusals:
    """What may not be, with nothing changed."""

    @pytest.fixture(autouse=True)
    def _nothing_changes(self, file_traffic: Traffic) -> Any:
        yield
        assert file_traffic.now.route.revision == 3
        assert file_traffic.serving() == {file_traffic.versions[2].name: 100.0}

    @pytest.mark.parametrize("move", ["promote", "weights", "undo"])
    def test_a_version_that_is_rejected_meanwhile(self, file_traffic: Traffic, move: str) -> None:
        _, second, third = file_traffic.versions
        with file_traffic.database.working() as connection:
            set_state(connection, second, "", "rejected", "it is unfair")
        moves = {
            "promote": lambda: file_traffic.promote(second),
            "weights": lambda: file_traffic.weights((third, "90"), (second, "10")),
            "undo": file_traffic.undo,
        }
        with pytest.raises(NotApproved, match=f"{second.subject} is rejected: it is unfair"):
            moves[move]()

    def test_a_version_that_is_archived(self, file_traffic: Traffic) -> None:
        _, second, _ = file_traffic.versions
        archive(file_traffic.database, second, ANN, "")
        with pytest.raises(NotApproved, match="is archived"):
            file_traffic.promote(second)

    def test_a_version_that_was_never_deployed(self, file_traffic: Traffic) -> None:
        waiting = file_traffic.site.queued("four")
        with pytest.raises(TaxiwayError, match=f"{waiting.subject} was never deployed") as refused:
            file_traffic.promote(waiting)
        assert "taxiway deploy" in refused.value.edit

    def test_a_version_that_was_approved_elsewhere_only(self, file_traffic: Traffic) -> None:
        from taxiway.registry.routes.moves import promote

        with (
            pytest.raises(TaxiwayError, match="no version of parcels serves in staging"),
            file_traffic.database.changing(ANN, Permission.DEPLOY) as change,
        ):
            promote(change, file_traffic.versions[0], "staging")

    @pytest.mark.parametrize(
        ("shares", "told"),
        [
            (("90", "9.99"), "the weights are 99.99, expected 100"),
            (("90", "20"), "the weights are 110, expected 100"),
        ],
    )
    def test_weights_that_are_not_100(
        self, file_traffic: Traffic, shares: tuple[str, str], told: str
    ) -> None:
        first, second, _ = file_traffic.versions
        with pytest.raises(ConfigError, match=told):
            file_traffic.weights((first, shares[0]), (second, shares[1]))

    def test_a_version_that_is_named_twice(self, file_traffic: Traffic) -> None:
        first, _, _ = file_traffic.versions
        with pytest.raises(ConfigError, match="has more than one weight"):
            file_traffic.weights((first, "50"), (first, "50"))

    def test_who_may_not_deploy(self, file_traffic: Traffic) -> None:
        viewer = Actor("cleo", "policy", Role.VIEWER)
        with pytest.raises(NotAllowed, match="cleo has the role viewer, and to deploy takes"):
            file_traffic.promote(file_traffic.versions[0], actor=viewer)


@pytest.mark.parametrize(
    "text", ["0", "-1", "100.01", "0.001", "nan", "inf", "x", "", "1e999", "1e-9"]
)
def test_a_weight_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected percent from 0"):
        parse_weight(text)


@pytest.mark.parametrize(
    ("text", "slots"), [("100", SLOTS), ("0.01", 1), ("33.3%", 3330), (" 5 ", 500)]
)
def test_a_weight_is_hundredths_of_a_percent(text: str, slots: int) -> None:
    assert parse_weight(text) == slots
