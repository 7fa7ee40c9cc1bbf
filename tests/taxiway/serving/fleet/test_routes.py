"""Gateways follow the routes: what is kept warm, ends, and is shared by several."""

from __future__ import annotations

import asyncio

from taxiway.registry.auth.actor import Permission
from taxiway.registry.deploy.deployer import Deployer
from taxiway.registry.deploy.history import history
from taxiway.registry.deploy.queue import open_entries
from taxiway.registry.deploy.rollback import rollback
from taxiway.registry.routes.gateways import Gateway, known_gateways
from taxiway.registry.routes.moves import set_weights, undo
from taxiway.serving.fleet.fleet import Fleet
from tests.taxiway.serving.fleet.conftest import (
    GATEWAY,
    SECONDS,
    Answering,
    Site,
    arms,
    ask,
    refused,
    stable,
    state,
    until,
)


def test_a_move_is_followed_once_all_its_versions_are_loaded(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with site.fleet("serving.keep_warm_minutes=0") as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
            await until(lambda: state(fleet, site, first.name) == "END")
            site.not_loading[first.name] = "not yet"
            with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
                move = set_weights(change, site.model, "", [(first, 2_000), (second, 8_000)])
            await until(lambda: "not yet" in fleet.trouble(site.model))
            route = fleet.route(site.model)
            assert route is not None
            assert [arm.version for arm in route.arms] == [second.name]
            del site.not_loading[first.name]
            await until(lambda: len(arms(fleet, site)) == 2)
            assert fleet.trouble(site.model) == ""
            route = fleet.route(site.model)
            assert route == move.after

    asyncio.run(main())


def test_a_version_without_traffic_is_kept_warm_and_undo_needs_no_loading(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
            with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
                undo(change, site.model, "")
            await until(lambda: stable(fleet, site.model) == first.name)
            assert len(site.loaded[first.name]) == 1
            assert state(fleet, site, second.name) == "AVAILABLE"

    asyncio.run(main())


def test_a_rollback_through_the_queue_uses_the_version_that_is_warm(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
            with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
                rollback(change, site.model, "")
            await until(lambda: stable(fleet, site.model) == first.name)
            assert len(site.loaded[first.name]) == 1
            served = fleet.version(site.model, first.name)
            assert served is not None
            assert served.number > 2  # it was published again

    asyncio.run(main())


def test_requests_that_are_being_answered_finish_before_a_version_ends(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with site.fleet("serving.keep_warm_minutes=0") as fleet:
            await until(fleet.ready)
            (loaded,) = site.loaded[first.name]
            loaded.gate.clear()
            asked = asyncio.create_task(ask(fleet, site.model))
            second = site.push("2", 2)
            await until(lambda: stable(fleet, site.model) == second.name)
            await until(lambda: state(fleet, site, first.name) == "UNLOADING")
            loaded.gate.set()
            assert await asked == 1.0
            await until(lambda: state(fleet, site, first.name) == "END")
            assert loaded.closed

    asyncio.run(main())


def test_no_more_versions_are_loaded_than_the_limit_says(site: Site) -> None:
    versions = [site.push(str(number), number) for number in (1, 2)]

    async def main() -> None:
        async with site.fleet("serving.limits.loaded_versions=2") as fleet:
            await until(lambda: stable(fleet, site.model) == versions[1].name)
            versions.append(site.push("3", 3))
            await until(lambda: stable(fleet, site.model) == versions[2].name)
            states = [state(fleet, site, one.name) for one in versions]
            assert states == ["END", "AVAILABLE", "AVAILABLE"]

    asyncio.run(main())


def test_where_all_versions_have_traffic_there_is_no_room_for_another(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with site.fleet("serving.limits.loaded_versions=1") as fleet:
            await until(fleet.ready)
            site.push("2", 2)
            await until(lambda: refused(site))
            assert "at most 1 of tiny's versions may be loaded here" in refused(site)[0][1]
            assert stable(fleet, site.model) == first.name

    asyncio.run(main())


def test_two_gateways_share_a_queue_and_both_follow(site: Site) -> None:
    async def main() -> None:
        async with site.fleet() as one, site.fleet() as two:
            for number in (1, 2, 3):
                version = site.push(str(number), number)
                await until(lambda name=version.name: stable(one, site.model) == name)
                await until(lambda name=version.name: stable(two, site.model) == name)
            assert await ask(one, site.model) == await ask(two, site.model) == 3.0

    asyncio.run(main())
    with site.database.reading() as connection:
        assert len(history(connection, site.model, "")) == 3


def test_a_gateway_says_which_routes_it_has_taken_up(site: Site) -> None:
    site.push("1", 1)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(fleet.ready)
            await until(lambda: [one.revisions for one in gateways(site)] == [{site.model: 1}])
            (said,) = gateways(site)
            assert list(said.states[site.model].values()) == [{"state": "AVAILABLE", "error": ""}]
        assert gateways(site) == []

    asyncio.run(main())


def gateways(site: Site) -> list[Gateway]:
    with site.database.reading() as connection:
        return known_gateways(connection, "")


def test_a_gateway_that_ends_gives_back_what_it_was_loading(site: Site) -> None:
    version = site.push("1", 1)

    async def main() -> None:
        loading = asyncio.Event()

        async def never(*_: object) -> Answering:
            loading.set()
            await asyncio.Event().wait()
            raise AssertionError

        fleet = Fleet(site.config(), site.database, GATEWAY, never)
        await fleet.start()
        await asyncio.wait_for(loading.wait(), SECONDS)
        await fleet.close()

    asyncio.run(main())
    with site.database.reading() as connection:
        (entry,) = open_entries(connection, site.model, "")
    assert (entry.version, entry.state) == (version.name, "waiting")


def test_what_another_deployer_publishes_is_followed(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(fleet.ready)
            deployer = Deployer(site.database, site.config().push, GATEWAY)
            second = site.push("2", 2)
            await asyncio.to_thread(lambda: list(deployer.deploy(site.model)))
            await until(lambda: stable(fleet, site.model) == second.name)
            assert state(fleet, site, first.name) == "AVAILABLE"

    asyncio.run(main())


def test_several_models_are_served_by_one_gateway(site: Site) -> None:
    site.push("1", 1, "parcels-a")
    site.push("2", 1, "parcels-b")

    async def main() -> None:
        async with site.fleet("serving.models=[parcels-a, parcels-b]") as fleet:
            await until(fleet.ready)
            assert await ask(fleet, "parcels-a") == 1.0
            assert await ask(fleet, "parcels-b") == 2.0

    asyncio.run(main())
