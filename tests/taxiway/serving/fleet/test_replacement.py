"""A version that fails is loaded anew, or gives its traffic to the one before."""

from __future__ import annotations

import asyncio

import pytest

from taxiway.serving.worker.errors import WorkerError
from tests.taxiway.serving.fleet.conftest import (
    Site,
    ask,
    stable,
    until,
)


def test_a_worker_that_is_lost_is_replaced(site: Site) -> None:
    version = site.push("1", 1)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(fleet.ready)
            (first,) = site.loaded[version.name]
            first.lost = "it was killed"
            with pytest.raises(WorkerError):
                await ask(fleet, site.model)
            assert await ask(fleet, site.model) == 1.0
            assert first.closed
            assert len(site.loaded[version.name]) == 2

    asyncio.run(main())


def test_a_worker_that_is_lost_while_nobody_asks_is_replaced(site: Site) -> None:
    version = site.push("1", 1)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(fleet.ready)
            site.loaded[version.name][0].lost = "it was killed"
            await until(lambda: len(site.loaded[version.name]) == 2)
            await until(fleet.ready)

    asyncio.run(main())


def test_a_worker_whose_answers_are_mostly_nan_is_replaced(site: Site) -> None:
    version = site.push("1", 1)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(fleet.ready)
            site.loaded[version.name][0].content = "nan"
            for _ in range(19):
                await ask(fleet, site.model)
            assert fleet.ready()
            for _ in range(10):
                await ask(fleet, site.model)
            await until(lambda: len(site.loaded[version.name]) == 2)
            assert await ask(fleet, site.model) == 1.0

    asyncio.run(main())


def test_a_version_that_fails_too_often_gives_its_traffic_to_the_one_before(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with site.fleet("serving.limits.restarts_per_minute=1") as fleet:
            await until(fleet.ready)
            second = site.push("2", 2)
            await until(lambda: stable(fleet, site.model) == second.name)
            site.loaded[second.name][0].lost = "it was killed"
            await until(lambda: len(site.loaded[second.name]) == 2 and fleet.ready())
            site.loaded[second.name][1].lost = "it was killed again"
            await until(lambda: stable(fleet, site.model) == first.name)
            assert await ask(fleet, site.model) == 1.0
            served = fleet.version(site.model, second.name)
            assert served is not None
            assert served.error == (
                "it failed 2 times within a minute, at last: it was killed again"
            )
            await until(lambda: "serving.failed" in [one[0] for one in site.audited()])
            route = fleet.route(site.model)
            assert route is not None
            assert route.revision == 2  # the registry's, which other gateways go by, is as it was

    asyncio.run(main())


def test_a_version_that_is_replaced_again_has_its_traffic_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxiway.serving.fleet.life._WINDOW_SECONDS", 0.3)
    first = site.push("1", 1)

    async def main() -> None:
        async with site.fleet("serving.limits.restarts_per_minute=1") as fleet:
            await until(fleet.ready)
            second = site.push("2", 2)
            await until(lambda: stable(fleet, site.model) == second.name)
            site.not_loading[second.name] = "there is no memory"
            site.loaded[second.name][0].lost = "it was killed"
            await until(lambda: stable(fleet, site.model) == first.name)
            del site.not_loading[second.name]
            await until(lambda: stable(fleet, site.model) == second.name)
            assert await ask(fleet, site.model) == 2.0

    asyncio.run(main())


def test_what_served_before_is_loaded_where_the_stable_version_does_not_come_up(
    site: Site,
) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
        site.not_loading[second.name] = "its file system is gone"
        async with site.fleet() as fleet:
            await until(fleet.ready)
            assert stable(fleet, site.model) == first.name
            assert "its file system is gone" in fleet.trouble(site.model)

    asyncio.run(main())
