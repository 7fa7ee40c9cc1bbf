"""What the deploy queue brings begins a rollout, in the change that closes its entry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from taxiway.delivery.experiment.moves import start, stop
from taxiway.delivery.experiment_section import Experiment
from taxiway.delivery.rollout import apply
from taxiway.delivery.rollout.records import open_rollout, rollouts_of
from taxiway.delivery.rollout.state import Rollout
from taxiway.errors import TaxiwayError
from taxiway.registry.auth.actor import Permission
from taxiway.registry.catalog.entries import serving as catalog_serving
from taxiway.registry.database.tables import deploy_queue
from taxiway.registry.deploy.history import has_served, history, serving
from taxiway.registry.deploy.rollback import rollback
from taxiway.registry.routes.moves import set_weights
from taxiway.registry.routes.records import current
from taxiway.registry.versions.records import ModelVersion
from taxiway.serving.delivering.control.hand_over import RolloutOfQueued
from taxiway.serving.fleet.fleet import Fleet
from tests.taxiway.serving.fleet.conftest import (
    GATEWAY,
    Site,
    arms,
    refused,
    site,
    stable,
    state,
    until,
)

__all__ = ["site"]

CANARY = "delivery.strategy={kind: canary, steps: [{setWeight: 5}, {pause: {}}]}"


@asynccontextmanager
async def fleet_of(site: Site, *assignments: str) -> AsyncIterator[Fleet]:
    """A gateway that hands over what the queue brings."""
    config = site.config(CANARY, *assignments)
    hand_over = RolloutOfQueued(config.delivery)
    fleet = Fleet(config, site.database, GATEWAY, site.load, hand_over)
    await fleet.start()
    try:
        yield fleet
    finally:
        await fleet.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def open_one(site: Site) -> Rollout | None:
    with site.database.reading() as connection:
        return open_rollout(connection, site.model, "")


def rollouts(site: Site) -> list[tuple[str, str, str]]:
    """Version, phase and reason of each, the newest first."""
    with site.database.reading() as connection:
        found = rollouts_of(connection, site.model, "")
    return [(one.version, one.phase, one.reason) for one in found]


def weights(site: Site) -> dict[str, float]:
    with site.database.reading() as connection:
        found = current(connection, site.model, "")
    return {arm.version: arm.weight for arm in found.route.arms} if found else {}


def entries(site: Site) -> list[str]:
    with site.database.reading() as connection:
        return [row.state for row in connection.execute(deploy_queue.select())]


def test_the_first_version_ever_has_all_traffic_at_once(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            assert weights(site) == {first.name: 100.0}
            assert rollouts(site) == []

    run(main())


def test_the_next_one_is_loaded_and_staged_and_gets_its_traffic_by_a_rollout(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            second = site.push("2", 2)
            await until(lambda: arms(fleet, site) == [first.name, second.name])
            assert weights(site) == {first.name: 100.0, second.name: 0.0}
            assert state(fleet, site, second.name) == "AVAILABLE"
            assert entries(site) == ["done", "done"]
            rollout = open_one(site)
            assert rollout is not None
            assert (rollout.version, rollout.stable) == (second.name, first.name)
            with site.database.reading() as connection:
                staged = history(connection, site.model, "")[-1]
                now = serving(connection, site.model, "")
            assert (staged.version, staged.weight, staged.until) == (second.name, 0.0, "")
            assert staged.place.endswith("/2")
            assert now is not None
            assert now.version == first.name
            with site.database.reading() as connection:
                served = catalog_serving(connection, site.model)
                has_had = [
                    has_served(connection, site.model, one.name, "") for one in (first, second)
                ]
            assert list(served) == [first.subject]
            assert has_had == [True, False]  # so that no rollback goes to it
            told = [action for action, subject, _ in site.audited() if second.name in subject]
            assert told.index("deploy.staged") < told.index("rollout.start")

    run(main())


def test_a_version_that_is_not_ready_begins_none(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            site.push("refuses", 2)
            await until(lambda: refused(site))
            assert rollouts(site) == []
            assert weights(site) == {first.name: 100.0}

    run(main())


def test_a_newer_version_takes_the_place_of_one_that_is_on_its_way(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            second = site.push("2", 2)
            await until(lambda: open_one(site))
            third = site.push("3", 3)
            await until(lambda: len(rollouts(site)) == 2)
            (new, old) = rollouts(site)
            assert (new[0], old[:2]) == (third.name, (second.name, "Degraded"))
            assert f"superseded by {third.name}" in old[2]
            assert weights(site) == {first.name: 100.0, third.name: 0.0}
            await until(lambda: arms(fleet, site) == [first.name, third.name])

    run(main())


def test_the_same_version_pushed_again_goes_on_as_it_was(site: Site) -> None:
    site.push("1", 1)

    async def main() -> None:
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            second = site.push("2", 2)
            await until(lambda: open_one(site))
            before = open_one(site)
            again = site.push("2", 3)
            assert again.name == second.name
            await until(lambda: entries(site) == ["done"] * 3)
            assert open_one(site) == before

    run(main())


def test_the_version_that_serves_pushed_again_needs_no_rollout(site: Site) -> None:
    site.push("1", 1)
    second = site.push("2", 2)

    async def main() -> None:
        async with fleet_of(site, "delivery.strategy={kind: at_once}") as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            assert site.push("2", 3).name == second.name
            await until(lambda: entries(site) == ["done"] * 3)
            assert rollouts(site) == []
            assert weights(site) == {second.name: 100.0}
            with site.database.reading() as connection:
                now = serving(connection, site.model, "")
            assert now is not None
            assert now.place.endswith("/3")

    run(main())


def test_a_rollback_has_all_traffic_at_once(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with fleet_of(site, "delivery.strategy={kind: at_once}") as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
                rollback(change, site.model, "")
            await until(lambda: stable(fleet, site.model) == first.name)
            assert weights(site) == {first.name: 100.0}
            assert rollouts(site) == []

    run(main())


def test_where_traffic_is_split_by_hand_what_comes_waits_and_says_for_what(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with fleet_of(site, "delivery.strategy={kind: at_once}") as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
            with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
                set_weights(change, site.model, "", [(first, 5_000), (second, 5_000)])
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            third = site.push("3", 3)
            await until(lambda: "split by hand" in fleet.trouble(site.model))
            assert third.name in fleet.trouble(site.model)
            assert entries(site)[-1] == "waiting"
            promote(site, second)
            await until(lambda: open_one(site))
            await until(lambda: fleet.trouble(site.model) == "")

    run(main())


def test_while_an_experiment_runs_what_comes_waits_for_its_end(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with fleet_of(site, "delivery.strategy={kind: at_once}") as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
        design = Experiment.model_validate(
            {
                "name": "clicks",
                "arms": [{"version": one.name} for one in (second, first)],
                "primary_metric": {"name": "clicks", "effect": 0.1},
            }
        )
        with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
            record = start(change, design, site.model, "", {}).record
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            site.push("3", 3)
            await until(lambda: "until the experiment clicks ends" in fleet.trouble(site.model))
            assert entries(site)[-1] == "waiting"
            with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
                stop(change, record, {})
            await until(lambda: open_one(site))

    run(main())


def promote(site: Site, version: ModelVersion) -> None:
    from taxiway.registry.routes import moves

    with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
        moves.promote(change, version, "")


def test_a_rollout_that_cannot_begin_leaves_the_entry_for_the_next_try(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with fleet_of(site) as fleet:
            await until(fleet.ready)
            begun = apply.insert_rollout

            def fails(*_: object) -> Rollout:
                raise TaxiwayError("the database has gone away")

            monkeypatch.setattr(apply, "insert_rollout", fails)
            site.push("2", 2)
            await until(lambda: "gone away" in fleet.trouble(site.model))
            assert weights(site) == {first.name: 100.0}
            assert "deploy.staged" not in [action for action, _, _ in site.audited()]
            monkeypatch.setattr(apply, "insert_rollout", begun)
            await until(lambda: open_one(site))
            assert entries(site) == ["done", "done"]

    run(main())
