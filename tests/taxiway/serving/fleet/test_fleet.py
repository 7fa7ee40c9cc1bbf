"""A version has traffic once it is ready, keeps it while none other is, loses it when it fails."""

from __future__ import annotations

import asyncio
import time

import pytest

from taxiway.errors import TaxiwayError
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.session import Database
from taxiway.registry.deploy.deployer import Deployer
from taxiway.registry.deploy.history import history
from taxiway.registry.deploy.queue import open_entries
from taxiway.registry.deploy.rollback import rollback
from taxiway.registry.routes.gateways import Gateway, known_gateways
from taxiway.registry.routes.moves import promote, set_weights, undo
from taxiway.registry.signing.kinds import KeySigning
from taxiway.serving.fleet.fleet import Fleet
from taxiway.serving.fleet.served_version import NotReady
from taxiway.serving.fleet.trial.verify import verify
from taxiway.serving.requests.refusal import Code, Refusal
from taxiway.serving.worker.errors import WorkerError
from tests.taxiway.serving.fleet.conftest import GATEWAY, SECONDS, Answering, Site, stable, until


async def ask(fleet: Fleet, model: str) -> float:
    """What the stable version answers."""
    served = fleet.version(model, stable(fleet, model))
    assert served is not None
    loaded = await served.available(time.monotonic() + SECONDS)
    answer = await loaded.predict_columns({"weight": [1.0]}, time.monotonic() + SECONDS)
    return float(answer["value"][0])


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


def refused(site: Site) -> list[tuple[str, str]]:
    """Subject and reason of what the audit says was refused."""
    found = site.audited()
    return [(subject, why) for action, subject, why in found if action == "deploy.refused"]


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


def state(fleet: Fleet, site: Site, version: str) -> str:
    served = fleet.version(site.model, version)
    return served.state if served else ""


def arms(fleet: Fleet, site: Site) -> list[str]:
    route = fleet.route(site.model)
    return [arm.version for arm in route.arms] if route else []


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
            assert "1 versions loaded here, and all have traffic" in refused(site)[0][1]
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
