"""A gateway loads the version that gets copies; what becomes of it is no trouble of the others."""

from __future__ import annotations

import asyncio

from taxiway.registry.auth.actor import Permission
from taxiway.registry.routes.moves import shape
from taxiway.registry.routes.placed import placed_last
from taxiway.registry.routes.records import NO_EXTRAS, Extras
from taxiway.registry.routes.route import Mirror
from taxiway.registry.versions.records import ModelVersion
from taxiway.serving.fleet.fleet import Fleet
from tests.taxiway.serving.fleet.conftest import GATEWAY, Site, ask, stable, state, until


def mirror_to(site: Site, serving: ModelVersion, shadow: ModelVersion | None) -> int:
    """Gives one version all traffic, and another one copies; the revision."""
    with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
        extras = NO_EXTRAS
        if shadow is not None:
            found = placed_last(change.connection, site.model, "", shadow.name)
            assert found is not None
            extras = Extras(mirror=Mirror(shadow.name, found.number, found.place, 0.5))
        move = shape(change, site.model, "", [(serving, 10_000)], extras, "rollout.set_mirror")
    return move.after.revision


def revision(fleet: Fleet, site: Site) -> int:
    route = fleet.route(site.model)
    return route.revision if route else 0


def test_it_is_loaded_and_kept_for_as_long_as_the_route_names_it(site: Site) -> None:
    first, second, third = site.push("1", 1), site.push("2", 2), site.push("3", 3)

    async def main() -> None:
        async with site.fleet("serving.keep_warm_minutes=0") as fleet:
            await until(lambda: stable(fleet, site.model) == third.name)
            await until(lambda: state(fleet, site, first.name) == "END")
            mirror_to(site, third, first)
            await until(lambda: state(fleet, site, first.name) == "AVAILABLE")
            route = fleet.route(site.model)
            assert route is not None
            assert [one.version for one in route.versions] == [third.name, first.name]
            loaded = site.loaded[first.name][-1]
            mirror_to(site, second, first)
            await until(lambda: state(fleet, site, third.name) == "END")  # it has no use any more
            assert not loaded.closed
            mirror_to(site, second, None)
            await until(lambda: loaded.closed)
            assert stable(fleet, site.model) == second.name

    asyncio.run(main())


def test_one_that_does_not_load_keeps_no_route_from_being_taken_up_and_is_tried_again(
    site: Site,
) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with site.fleet("serving.keep_warm_minutes=0") as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
            await until(lambda: state(fleet, site, first.name) == "END")
            site.not_loading[first.name] = "no such file"
            moved = mirror_to(site, second, first)
            await until(lambda: revision(fleet, site) == moved)
            await until(lambda: "no such file" in fleet.trouble(site.model))
            assert f"copies nothing to {first.name}" in fleet.trouble(site.model)
            assert (fleet.ready(), await ask(fleet, site.model)) == (True, 2.0)
            del site.not_loading[first.name]
            await until(lambda: state(fleet, site, first.name) == "AVAILABLE")
            await until(lambda: not fleet.trouble(site.model))
            site.not_loading[first.name] = "not any more"
            mirror_to(site, second, None)
            await until(lambda: revision(fleet, site) == moved + 1)

    asyncio.run(main())


def test_one_that_keeps_failing_leaves_the_stable_version_its_traffic(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with site.fleet("serving.limits.restarts_per_minute=1") as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
            mirror_to(site, second, first)
            await until(lambda: state(fleet, site, first.name) == "AVAILABLE")
            for _ in range(2):
                fleet.report_failing(site.model, first.name, "it answers NaN")
                await until(lambda: state(fleet, site, first.name) != "LOADING")
            await until(lambda: state(fleet, site, first.name) == "END")
            assert stable(fleet, site.model) == second.name
            assert await ask(fleet, site.model) == 2.0

    asyncio.run(main())


def test_it_never_takes_the_place_of_a_stable_version_that_fails(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)
    third = site.push("3", 3)

    async def main() -> None:
        async with site.fleet("serving.limits.restarts_per_minute=1") as fleet:
            await until(lambda: stable(fleet, site.model) == third.name)
            moved = mirror_to(site, third, second)
            await until(lambda: revision(fleet, site) == moved)
            await until(lambda: state(fleet, site, second.name) == "AVAILABLE")
            site.not_loading[third.name] = "broken"
            fleet.report_failing(site.model, third.name, "it answers NaN")
            await until(lambda: stable(fleet, site.model) != third.name)
            assert stable(fleet, site.model) == first.name

    asyncio.run(main())
