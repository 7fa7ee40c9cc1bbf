"""Rollouts in a real registry: each move with its state, its events, its audit and its history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import NotApproved, set_state
from taxiway.registry.auth.actor import Actor, NotAllowed, Role
from taxiway.registry.routes.route import Condition
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.delivery.rollout.conftest import CANARY, Delivered, measured
from tests.taxiway.registry.deploy.conftest import BEN

BLUE_GREEN = {"kind": "blue_green"}
ANALYSIS = {"interval": 60, "count": 2, "metrics": [{"name": "error_rate"}]}
LOOKED_AT = {"kind": "canary", "steps": [{"setWeight": 10}, {"analysis": ANALYSIS}, {"pause": {}}]}


@contextmanager
def refused(words: str, kind: type[TaxiwayError] = TaxiwayError) -> Iterator[None]:
    with pytest.raises(kind) as error:
        yield
    assert words in error.value.message


def withdraw(delivered: Delivered, version: ModelVersion) -> None:
    with delivered.database.working() as connection:
        set_state(connection, version, "", "rejected", "a bug")


class TestSteps:
    """On every kind of database."""

    def test_a_canary_goes_by_its_steps_to_all_traffic(self, delivered: Delivered) -> None:
        new, stable = delivered.new.name, delivered.stable.name
        delivered.start(CANARY)
        assert delivered.weights_now == {stable: 100.0, new: 0.0}
        delivered.tick(1)
        assert delivered.weights_now == {stable: 100.0, new: 0.0}  # it is loaded first
        delivered.ready()
        assert delivered.weights_now == {stable: 95.0, new: 5.0}
        found = delivered.ready()
        assert found is not None
        assert (found.phase, found.step) == ("Paused", 1)
        delivered.tick(29)
        assert delivered.rollout.step == 1
        delivered.tick(1)
        assert (delivered.rollout.phase, delivered.rollout.step) == ("Progressing", 2)
        delivered.measure(delivered.stable, measured(400_000, 4_000))
        delivered.measure(delivered.new, measured(20_000, 200))
        delivered.tick(60)
        assert delivered.weights_now == {stable: 95.0, new: 5.0}
        delivered.tick(60)
        assert delivered.weights_now == {stable: 50.0, new: 50.0}
        delivered.ready()
        delivered.tick(1e6)
        assert (delivered.rollout.phase, delivered.rollout.step) == ("Paused", 4)
        delivered.ask("resume")
        assert delivered.shares == {new: ("stable", 100.0)}
        done = delivered.rollout
        assert (done.phase, done.step, done.reason) == ("Healthy", 5, "all steps are done")
        assert done.ended_at
        assert delivered.tick(1) is None

    def test_each_move_is_in_history_and_audit_and_each_thing_among_the_events(
        self, delivered: Delivered
    ) -> None:
        delivered.start(CANARY)
        delivered.ready()
        delivered.ready()
        delivered.ask("abort", BEN, reason="no")
        new, stable = delivered.new.name, delivered.stable.name
        assert [(one.version, one.weight, one.action) for one in delivered.history()[3:]] == [
            (new, 0.0, "rollout.load"),
            (stable, 95.0, "rollout.set_weight"),
            (new, 5.0, "rollout.set_weight"),
            (stable, 100.0, "rollout.abort"),
        ]
        assert delivered.history()[-1].deployed_by == "ben"
        assert delivered.audited()[-4:] == [
            *("rollout.start", "rollout.load", "rollout.set_weight", "rollout.abort")
        ]
        assert [one.event for one in delivered.events] == [
            *("started", "ready", "step", "ready", "step", "aborted")
        ]
        assert delivered.rollout.reason == "aborted by ben: no"
        assert delivered.weights_now == {stable: 100.0}

    def test_a_failed_analysis_gives_all_traffic_back_at_once(self, delivered: Delivered) -> None:
        delivered.start(LOOKED_AT)
        delivered.ready()
        delivered.ready()
        delivered.measure(delivered.stable, measured(90_000, 900))
        delivered.measure(delivered.new, measured(10_000, 300))
        delivered.tick(60)
        assert delivered.shares == {delivered.stable.name: ("stable", 100.0)}
        done = delivered.rollout
        assert (done.phase, done.looks[-1].verdict) == ("Degraded", "failure")
        assert done.reason.startswith("analysis failed: error_rate: 0.02 (")
        assert delivered.now.reason == done.reason

    def test_what_is_measured_adds_up_over_gateways_and_not_over_revisions(
        self, delivered: Delivered
    ) -> None:
        delivered.gateway()
        delivered.start(LOOKED_AT)
        delivered.measure(delivered.new, measured(10_000, 10_000))  # while it is loaded
        delivered.ready()
        delivered.ready()
        for number in (0, 1):
            delivered.measure(delivered.stable, measured(90_000, 900), gateway=number)
            delivered.measure(delivered.new, measured(10_000, 100), gateway=number)
        delivered.tick(60)
        (look,) = delivered.rollout.looks
        assert (look.stable_requests, look.canary_requests) == (180_000, 20_000)
        assert look.verdict == "success"

    def test_what_is_held_up_goes_on_where_it_was_with_another_holder(
        self, delivered: Delivered
    ) -> None:
        delivered.start(CANARY)
        delivered.take_up()
        assert delivered.tick(holder="one") is not None
        delivered.take_up()
        assert delivered.tick(1, holder="two") is None  # the first one has the lease
        assert delivered.rollout.step == 0
        found = delivered.tick(3, holder="two")
        assert found is not None
        assert found.step == 1
        assert delivered.tick(1, holder="one") is None


class TestGateways:
    """A step's clock begins when all that live go by its route."""

    def test_one_that_is_behind_holds_the_step_up(self, file_delivered: Delivered) -> None:
        file_delivered.gateway()
        file_delivered.start(CANARY)
        file_delivered.take_up([0])
        file_delivered.tick(5)
        assert file_delivered.rollout.begun is None
        file_delivered.take_up([1])
        file_delivered.tick(1)
        assert file_delivered.rollout.step == 0

    def test_one_that_never_gets_ready_ends_it_with_its_own_error(
        self, file_delivered: Delivered
    ) -> None:
        new = file_delivered.new.name
        file_delivered.gateway({new: {"state": "END", "error": "no memory"}})
        file_delivered.start(CANARY, progress_deadline_seconds=20)
        file_delivered.take_up([0])
        for _ in range(4):
            file_delivered.tick(5)
        assert file_delivered.rollout.is_open
        file_delivered.tick(5)
        done = file_delivered.rollout
        assert done.phase == "Degraded"
        assert "1 of 2 gateways have not taken it up" in done.reason
        assert f"says {new} is END: no memory" in done.reason
        assert file_delivered.weights_now == {file_delivered.stable.name: 100.0}

    def test_hours_in_which_nobody_watched_do_not_count(self, file_delivered: Delivered) -> None:
        file_delivered.start(CANARY, progress_deadline_seconds=20)
        file_delivered.tick(1)
        file_delivered.tick(36_000)
        assert file_delivered.rollout.is_open
        file_delivered.ready()
        assert file_delivered.rollout.step == 0


class TestHands:
    """What people do meanwhile."""

    @pytest.mark.parametrize("how", ["weights", "promote", "undo"])
    def test_a_route_that_somebody_moved_is_theirs_and_the_rollout_is_over(
        self, file_delivered: Delivered, how: str
    ) -> None:
        file_delivered.start(LOOKED_AT)
        file_delivered.ready()
        first, _, third = file_delivered.versions
        if how == "weights":
            file_delivered.weights((first, "40"), (third, "60"), actor=BEN)
        elif how == "promote":
            file_delivered.promote(first, actor=BEN)
        else:
            file_delivered.undo(actor=BEN)
        before = file_delivered.now
        file_delivered.ready(1)
        assert file_delivered.now == before
        done = file_delivered.rollout
        assert (done.phase, done.reason) == ("Degraded", f"moved by ben: {how}")
        assert file_delivered.audited()[-1] == "rollout.ended"

    def test_undo_takes_a_rollout_back_as_one_move(self, file_delivered: Delivered) -> None:
        before = file_delivered.now.route.arms
        file_delivered.start(LOOKED_AT)
        file_delivered.ready()
        file_delivered.undo()
        assert file_delivered.now.route.arms == before
        file_delivered.tick(1)
        file_delivered.start(CANARY)
        file_delivered.ready()
        file_delivered.ask("promote", full=True)
        file_delivered.undo()
        assert file_delivered.now.route.arms == before

    def test_undo_after_one_that_was_aborted_goes_back_to_what_was_before_that_version(
        self, file_delivered: Delivered
    ) -> None:
        file_delivered.start(CANARY)
        file_delivered.ready()
        file_delivered.ask("abort")
        file_delivered.undo()
        assert file_delivered.weights_now == {file_delivered.versions[1].name: 100.0}

    def test_one_who_promotes_the_new_version_by_hand_has_ended_it_well(
        self, file_delivered: Delivered
    ) -> None:
        file_delivered.start(LOOKED_AT)
        file_delivered.ready()
        file_delivered.promote(file_delivered.new, actor=BEN)
        file_delivered.tick(1)
        assert file_delivered.rollout.phase == "Healthy"
        assert file_delivered.weights_now == {file_delivered.new.name: 100.0}

    def test_an_approval_that_is_withdrawn_gives_all_traffic_back(
        self, file_delivered: Delivered
    ) -> None:
        file_delivered.start(LOOKED_AT)
        file_delivered.ready()
        withdraw(file_delivered, file_delivered.new)
        file_delivered.tick(1)
        done = file_delivered.rollout
        assert done.phase == "Degraded"
        assert f"{file_delivered.new.subject} is rejected: a bug" in done.reason
        assert file_delivered.weights_now == {file_delivered.stable.name: 100.0}

    def test_where_the_stable_one_is_not_approved_either_traffic_stays_and_someone_is_waited_for(
        self, file_delivered: Delivered
    ) -> None:
        file_delivered.start(LOOKED_AT)
        file_delivered.ready()
        before = file_delivered.now
        withdraw(file_delivered, file_delivered.new)
        withdraw(file_delivered, file_delivered.stable)
        for _ in range(3):
            file_delivered.tick(1)
        assert file_delivered.rollout.phase == "Inconclusive"
        assert [one.event for one in file_delivered.events].count("inconclusive") == 1
        assert file_delivered.now == before
        with file_delivered.database.working() as connection:
            set_state(connection, file_delivered.stable, "", "approved", "again")
        file_delivered.tick(1)
        assert file_delivered.weights_now == {file_delivered.stable.name: 100.0}

    def test_a_second_one_is_refused_while_one_is_open(self, file_delivered: Delivered) -> None:
        file_delivered.start(CANARY)
        with refused(f"a rollout of {file_delivered.new.subject} is open: Progressing"):
            file_delivered.start(BLUE_GREEN)
        file_delivered.ask("abort")
        file_delivered.start(BLUE_GREEN)
        assert [one.phase for one in file_delivered.rollouts] == ["Progressing", "Degraded"]

    def test_what_cannot_begin_is_refused_and_changes_nothing(
        self, file_delivered: Delivered
    ) -> None:
        first, new, stable = file_delivered.versions
        file_delivered.weights((stable, "90"), (first, "10"))
        with refused("is split by hand: 1.0.2 90%, 1.0.0 10%"):
            file_delivered.start(CANARY)
        file_delivered.promote(new)
        with refused("is what serves already"):
            file_delivered.start(CANARY)
        file_delivered.promote(stable)
        withdraw(file_delivered, new)
        with refused("is rejected", NotApproved):
            file_delivered.start(CANARY)
        with refused("viewer", NotAllowed):
            file_delivered.start(CANARY, Actor("cid", "system", Role.VIEWER))
        assert file_delivered.rollouts == []

    def test_what_is_asked_of_one_that_is_not_there_is_refused(
        self, file_delivered: Delivered
    ) -> None:
        with refused("no rollout of parcels is open"):
            file_delivered.ask("resume")
        file_delivered.start(CANARY)
        with refused("is Progressing, so there is nothing to resume"):
            file_delivered.ask("resume")


class TestStrategies:
    """Each is a list of steps."""

    def test_blue_green_has_all_at_once_when_every_gateway_is_ready(
        self, file_delivered: Delivered
    ) -> None:
        file_delivered.start(BLUE_GREEN)
        file_delivered.tick(5)
        assert file_delivered.weights_now[file_delivered.new.name] == 0.0
        file_delivered.ready()
        assert file_delivered.shares == {file_delivered.new.name: ("stable", 100.0)}

    def test_blue_green_waits_for_someone_where_it_is_to(self, file_delivered: Delivered) -> None:
        file_delivered.start(BLUE_GREEN | {"autoPromotionEnabled": False})
        file_delivered.ready()
        file_delivered.tick(1e5)
        assert file_delivered.rollout.phase == "Paused"
        file_delivered.ask("promote")
        assert file_delivered.shares == {file_delivered.new.name: ("stable", 100.0)}

    def test_a_shadow_gets_copies_and_then_waits(self, file_delivered: Delivered) -> None:
        file_delivered.start({"kind": "shadow", "percentage": 20, "analysis": ANALYSIS})
        file_delivered.ready()
        route, new = file_delivered.now.route, file_delivered.new
        assert route.mirror is not None
        assert (route.mirror.version, route.mirror.share) == (new.name, 0.2)
        assert file_delivered.weights_now[new.name] == 0.0
        file_delivered.ready()
        file_delivered.measure(file_delivered.stable, measured(90_000, 900))
        file_delivered.measure(new, measured(18_000, 180), "shadow")
        file_delivered.tick(60)
        file_delivered.tick(60)
        assert file_delivered.rollout.phase == "Paused"
        file_delivered.ask("promote")
        route = file_delivered.now.route
        assert (route.mirror, route.stable.version) == (None, new.name)

    def test_an_audience_is_first_until_it_is_everyone(self, file_delivered: Delivered) -> None:
        internal = {"headers": {"X-Group": ["internal", "beta"]}, "columns": {"region": ["eu"]}}
        steps = [{"setAudience": internal}, {"setWeight": 100}, {"pause": {"duration": 9}}]
        steps += [{"setWeight": 5}, {"setAudience": {}}, {"pause": {}}]
        file_delivered.start({"kind": "canary", "steps": steps})
        for _ in range(3):
            file_delivered.ready()
        route = file_delivered.now.route
        assert route.audience == (
            Condition("header", "x-group", ("internal", "beta")),
            Condition("column", "region", ("eu",)),
        )
        assert route.stable.slots == 0
        file_delivered.ready(9)
        file_delivered.ready()
        file_delivered.ready()
        route = file_delivered.now.route
        assert (route.audience, file_delivered.rollout.phase) == ((), "Paused")
        assert file_delivered.weights_now[file_delivered.new.name] == 5.0
