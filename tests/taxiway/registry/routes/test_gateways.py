"""Gateways say that they live and what they have taken up; who moves traffic waits for them."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time

import pytest

from taxiway.registry.database.session import Database
from taxiway.registry.routes import gateways as gateways_module
from taxiway.registry.routes.gateways import (
    Gateway,
    beat,
    known_gateways,
    leave,
    live_gateways,
    wait_until_taken_up,
)
from taxiway.registry.routes.route import Arm, Route

ROUTE = Route("parcels", "", 7, "salt", (Arm("stable", "1.0.0", 1, "/m/1"),))


def live(database: Database, model: str = "parcels", environment: str = "") -> list[Gateway]:
    with database.reading() as connection:
        return live_gateways(connection, model, environment)


def at(revision: int, **changes: object) -> Gateway:
    return dataclasses.replace(Gateway.here(""), revisions={"parcels": revision}, **changes)


def test_one_is_known_by_what_it_said_last_and_gone_when_it_leaves(database: Database) -> None:
    one = at(6, states={"parcels": {"1.0.0": {"state": "AVAILABLE", "error": ""}}})
    beat(database, one)
    beat(database, dataclasses.replace(one, revisions={"parcels": 7}))
    (found,) = live(database)
    assert found.seen_at >= one.started_at
    assert dataclasses.replace(found, seen_at="") == dataclasses.replace(
        one, revisions={"parcels": 7}
    )
    assert live(database, "ships") == live(database, environment="staging") == []
    leave(database, one)
    assert live(database) == []


def test_who_moves_waits_for_all_that_live_and_learns_who_has_not_and_why(
    database: Database,
) -> None:
    states = {"parcels": {"1.0.0": {"state": "END", "error": "its digest is another"}}}
    quick, slow = at(6), at(6, states=states)
    beat(database, quick)
    beat(database, slow)
    looks: list[float] = []

    def looked(seconds: float) -> None:
        if not looks:
            beat(database, dataclasses.replace(quick, revisions={"parcels": 8}))
        looks.append(seconds)

    late = wait_until_taken_up(database, ROUTE, 0.2, wait=looked)
    assert ([one.id for one in late.ready], [one.id for one in late.behind]) == (
        [quick.id],
        [slow.id],
    )
    assert late.behind[0].error_of(ROUTE) == "1.0.0 is END: its digest is another"
    beat(database, dataclasses.replace(slow, revisions={"parcels": 7}))
    assert wait_until_taken_up(database, ROUTE, 0).behind == []


def test_with_no_gateway_there_is_nothing_to_wait_for(database: Database) -> None:
    found = wait_until_taken_up(database, ROUTE, 60)
    assert (found.ready, found.behind) == ([], [])


class TestGone:
    """Of one that said nothing at its end."""

    def test_a_process_of_this_machine_that_was_killed_is_not_waited_for(
        self, file_database: Database
    ) -> None:
        with subprocess.Popen([sys.executable, "-c", ""]) as ended:
            ended.wait()
        beat(file_database, at(6, pid=ended.pid))
        assert live(file_database) == []
        beat(file_database, at(6, pid=os.getpid()))
        assert len(live(file_database)) == 1

    @pytest.mark.parametrize(("seconds", "counts"), [(10.0, True), (20.0, False)])
    def test_one_of_another_machine_counts_for_some_seconds(
        self, file_database: Database, monkeypatch: pytest.MonkeyPatch, seconds: float, counts: bool
    ) -> None:
        beat(file_database, at(6, host="pod-7", pid=1))
        later = time.time() + seconds
        monkeypatch.setattr(gateways_module.time, "time", lambda: later)
        assert bool(live(file_database)) is counts

    def test_it_is_removed_by_another_a_day_later(
        self, file_database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        beat(file_database, at(6, host="pod-7"))
        later = time.time() + 25 * 3600
        monkeypatch.setattr(gateways_module.time, "time", lambda: later)
        here = at(6)
        beat(file_database, here)
        with file_database.reading() as connection:
            assert [one.id for one in known_gateways(connection, "")] == [here.id]
