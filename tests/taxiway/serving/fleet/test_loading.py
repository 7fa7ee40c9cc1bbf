"""A version has traffic once it is ready: what is loaded, tried and refused."""

from __future__ import annotations

import asyncio
import time

import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import TaxiwayError
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.session import Database
from taxiway.registry.deploy.history import history
from taxiway.registry.routes.moves import promote
from taxiway.registry.signing.kinds import KeySigning
from taxiway.serving.fleet.served_version import NotReady
from taxiway.serving.fleet.trial.verify import verify
from tests.taxiway.serving.fleet.conftest import (
    GATEWAY,
    SECONDS,
    Site,
    ask,
    refused,
    stable,
    until,
)


def test_what_the_pusher_left_in_the_queue_is_served(site: Site) -> None:
    version = site.push("1", 1)

    async def main() -> None:
        async with site.fleet() as fleet:
            assert not fleet.ready()
            await until(fleet.ready)
            assert await ask(fleet, site.model) == 1.0
            served = fleet.version(site.model, version.name)
            assert served is not None
            assert (served.state, served.number) == ("AVAILABLE", 1)
        assert served.state == "END"
        assert site.loaded[version.name][0].closed

    asyncio.run(main())
    with site.database.reading() as connection:
        assert [one.version for one in history(connection, site.model, "")] == [version.name]


def test_after_a_restart_the_registrys_route_is_served(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(lambda: stable(fleet, site.model) == second.name)
        with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
            promote(change, first, "")
        async with site.fleet() as fleet:
            await until(fleet.ready)
            assert stable(fleet, site.model) == first.name

    asyncio.run(main())


def test_a_version_that_does_not_load_is_refused_and_the_one_before_goes_on(site: Site) -> None:
    first = site.push("1", 1)

    async def main() -> None:
        async with site.fleet() as fleet:
            await until(fleet.ready)
            site.not_loading["0.2.0"] = site.not_loading["1.1.0"] = "told not to load"
            second = site.push("2", 2)
            site.not_loading[second.name] = "told not to load"
            await until(lambda: refused(site))
            assert stable(fleet, site.model) == first.name
            assert await ask(fleet, site.model) == 1.0
            served = fleet.version(site.model, second.name)
            assert served is not None
            assert (served.state, served.error) == ("END", "told not to load")
            with pytest.raises(Refusal, match="is END: told not to load") as caught:
                await served.available(time.monotonic() + SECONDS)
            assert caught.value.code is Code.UNAVAILABLE
            assert refused(site) == [(second.subject, "told not to load")]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("content", "assignments", "told"),
    [
        ("nan", (), "warm-up with 1 row(s) of "),
        ("one row", (), "output 'value' has shape [1] for a request of 2 row(s)"),
        ("refuses", (), "told to refuse"),
        ("2", ("serving.warm_up.latency_budget_ms=0.000001",), "and the budget 1e-06 ms"),
        (
            "2",
            ("serving.smoke_tests=[{columns: {weight: [1, 2]}, output: value, upper: 1.5}]",),
            "smoke test 1: row 1 has the value 2, expected at most 1.5",
        ),
        (
            "2",
            ("serving.smoke_tests=[{columns: {weight: [1]}, output: valu, lower: 0}]",),
            "smoke test 1: there is no output 'valu'; did you mean 'value'? (there are: value)",
        ),
    ],
)
def test_a_version_that_answers_wrongly_has_no_traffic(
    site: Site, content: str, assignments: tuple[str, ...], told: str
) -> None:
    site.push(content, 1)

    async def main() -> None:
        async with site.fleet("serving.warm_up.rows=8", *assignments) as fleet:
            await until(lambda: refused(site))
            assert fleet.route(site.model) is None
            assert not fleet.ready()

    write_span(site)
    asyncio.run(main())
    assert told in refused(site)[0][1]
    (made,) = next(iter(site.loaded.values()))
    assert made.closed


def write_span(site: Site) -> None:
    """Real rows of the input."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = site.root / "data" / site.dataset / "span-3"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"weight": [1.5, None, 2.5]}), folder / "rows.parquet")


def test_a_version_is_warmed_up_one_by_one_and_in_growing_batches(site: Site) -> None:
    version = site.push("1", 1)

    async def main() -> None:
        async with site.fleet("serving.warm_up.rows=3", "serving.batching.max_rows=9") as fleet:
            await until(fleet.ready)
            assert site.loaded[version.name][0].asked == [1, 1, 1, 2, 4, 8]

    asyncio.run(main())


def test_a_version_without_a_signature_is_not_loaded_where_one_is_asked_for(site: Site) -> None:
    version = site.push("1", 1)
    signing = KeySigning(kind="key", public_key="/a/public.pem")
    asks = Database(site.database.settings.model_copy(update={"signing": signing}))
    place = version.candidate.pushed_to
    verify(site.database, version.subject, place)
    with pytest.raises(NotReady, match=r"is not signed, and registry\.signing asks for it"):
        verify(asks, version.subject, place)
    asks.close()


def test_a_version_that_is_not_what_was_registered_is_not_loaded(site: Site) -> None:
    version, other = site.push("1", 1), site.push("2", 2)
    with pytest.raises(TaxiwayError, match="is another model than tiny/"):
        verify(site.database, version.subject, other.candidate.pushed_to)
