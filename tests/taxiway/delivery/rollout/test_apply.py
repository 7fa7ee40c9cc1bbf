"""Rollouts in a real registry: each move with its state, its events, its audit and its history."""

from __future__ import annotations

import pytest

from taxiway.errors import TaxiwayError
from taxiway.registry.approval.states import NotApproved, set_state
from tests.taxiway.delivery.rollout.conftest import CANARY, Delivered, measured
from tests.taxiway.registry.deploy.conftest import BEN

BLUE_GREEN = {"kind": "blue_green"}


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
        delivered.measure(delivered.stable, measured(95_000, 950))
        delivered.measure(delivered.new, measured(5_000, 50))
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
