"""A gateway sees each move, and goes on by the last table while the registry is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.registry.catalog.aliases import move_alias
from taxiway.registry.database.session import Database
from taxiway.registry.section import SqliteRegistry
from taxiway.serving.routing.table import RoutingTable
from taxiway.serving.routing.watcher import RouteWatcher
from tests.taxiway.registry.conftest import ANN
from tests.taxiway.registry.deploy.conftest import Site
from tests.taxiway.registry.routes.conftest import Traffic

SECONDS = 30.0
"""Of anything that a test waits for, at most."""


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Traffic]:
    """Three versions, of which the last has all traffic."""
    path = tmp_path / "registry" / "registry.sqlite"
    database = Database(SqliteRegistry(kind="sqlite", path=str(path)))
    yield Traffic(Site(database, tmp_path))
    database.close()


def watcher(traffic: Traffic, poll_seconds: float = 0.01) -> RouteWatcher:
    return RouteWatcher(traffic.database, ["parcels", "ships"], "", poll_seconds)


async def soon(watching: RouteWatcher) -> RoutingTable:
    return await asyncio.wait_for(watching.next(), SECONDS)


def test_the_first_table_comes_at_once_and_then_each_that_differs(traffic: Traffic) -> None:
    first, _, third = traffic.versions

    async def main() -> None:
        async with watcher(traffic) as watching:
            table = await soon(watching)
            assert table.revisions == {"parcels": 3}
            assert table.split("parcels").by_slot("ann").version == third.name
            assert [one.number for one in table.placed["parcels"]] == sorted(
                (one.number for one in table.placed["parcels"]), reverse=True
            )
            await asyncio.to_thread(traffic.promote, first)
            table = await soon(watching)
            assert table.split("parcels").by_slot("ann").version == first.name
            await asyncio.to_thread(move_alias, traffic.database, third, "older", ANN)
            table = await soon(watching)
            assert table.named("parcels", label="older").version == third.name
            assert table.revisions == {"parcels": 4}
            assert watching.table is table
            assert (watching.trouble, watching.stale_seconds() < SECONDS) == ("", True)

    asyncio.run(main())


def test_a_registry_without_the_model_gives_an_empty_table_and_then_the_first(
    traffic: Traffic,
) -> None:
    async def main() -> None:
        async with RouteWatcher(traffic.database, ["ships"], "") as watching:
            assert (await soon(watching)).revisions == {}

    asyncio.run(main())


def test_a_move_of_ones_own_is_seen_without_waiting_for_the_poll(traffic: Traffic) -> None:
    async def main() -> None:
        async with watcher(traffic, poll_seconds=3600) as watching:
            await soon(watching)
            await asyncio.to_thread(traffic.undo)
            watching.hurry()
            assert (await soon(watching)).revisions == {"parcels": 4}

    asyncio.run(main())


def test_the_last_table_is_kept_while_the_registry_is_away_and_its_age_is_told(
    traffic: Traffic,
) -> None:
    folder = Path(traffic.database.place).parent
    away = folder.with_name("away")

    async def until(watching: RouteWatcher, troubled: bool) -> None:
        while bool(watching.trouble) is not troubled:
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with watcher(traffic) as watching:
            table = await soon(watching)
            folder.rename(away)
            folder.touch()  # so that no new one can be made
            await asyncio.wait_for(until(watching, True), SECONDS)
            stale = watching.stale_seconds()
            assert stale > 0
            assert watching.table is table
            assert "registry" in watching.trouble
            folder.unlink()
            away.rename(folder)
            await asyncio.wait_for(until(watching, False), SECONDS)
            assert watching.stale_seconds() < SECONDS
            await asyncio.to_thread(traffic.undo)
            assert (await soon(watching)).revisions == {"parcels": 4}

    asyncio.run(main())
