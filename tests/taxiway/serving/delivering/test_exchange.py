"""What gateways tell each other by the registry: kept while it is away, and written once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from taxiway.delivery.evidence.records import AUDIENCE, Of, remove_measurements, write_measurements
from taxiway.delivery.policies.policy import Observation
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import arm_measurements, experiments, policy_observations
from taxiway.registry.database.tables import now as time_now
from taxiway.serving.decisions.record import Reward
from taxiway.serving.delivering import exchange
from taxiway.serving.delivering.control.policies import Chosen
from taxiway.serving.delivering.rewards.decided import Decided
from tests.taxiway.serving.delivering.conftest import (
    CANARY,
    MODEL,
    STABLE,
    Clock,
    Site,
    every_kind,
    in_registry,
    run,
)


@contextmanager
def away(database: Database) -> Iterator[None]:
    """Something else stands where the registry was."""
    path = Path(str(database.place))
    kept = path.with_name("kept")
    path.rename(kept)
    path.write_text("not a database")
    try:
        yield
    finally:
        kept.replace(path)


@every_kind
def test_sums_take_the_place_of_those_that_were_written_before(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        one, two = Site(database, "one", clock), Site(database, "two", clock)
        for _ in range(3):
            for site in (one, two):
                site.meter.failed(STABLE)
                await site.exchanged()
        one.meter.failed(CANARY)
        await one.exchanged()
        await one.exchanged()
        assert in_registry(database, STABLE).requests == 6
        assert in_registry(database, CANARY).requests == 1
        with database.reading() as connection:
            assert len(connection.execute(select(arm_measurements)).all()) == 3

    run(main())


def test_while_the_registry_is_away_all_is_kept_and_then_written_once(
    database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        site.meter.failed(STABLE)
        await site.exchanged()
        with away(database):
            for _ in range(3):
                site.meter.failed(STABLE)
                await site.told(5.0, "unknown")
                await site.exchanged()
                assert "evidence is not written" in site.exchange.trouble
        site.meter.failed(STABLE)
        await site.exchanged()
        assert site.exchange.trouble == ""
        assert in_registry(database, STABLE).requests == 5
        assert site.rewards.counts.posted == 3

    run(main())
    told = [one for one in caplog.messages if "evidence is not written" in one]
    assert len(told) == 1  # and not at each try


def test_observations_are_written_once(database: Database, clock: Clock) -> None:
    with database.working() as connection:
        values = {"name": "clicks", "model": MODEL, "environment": "", "phase": "running"}
        values |= {"design": {}, "first_revision": 1, "started_by": "ann", "started_at": time_now()}
        connection.execute(experiments.insert().values(id=7, **values))

    async def main() -> None:
        site = Site(database, "one", clock)
        seen = [Observation(f"1.{number}.0", 1.0, {}, 0.5) for number in range(3)]
        with away(database):
            site.policies.not_written({7: seen[:2]})
            await site.exchanged()
        site.policies.not_written({7: seen[2:]})
        await site.exchanged()
        await site.exchanged()
        with database.reading() as connection:
            rows = connection.execute(select(policy_observations)).all()
        written = [tuple(one) for row in rows for one in row.observations]
        assert sorted(one[0] for one in written) == ["1.0.0", "1.1.0", "1.2.0"]

    run(main())


def test_a_gateway_that_has_nothing_to_tell_asks_nothing_of_the_registry(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        await site.exchanged()
        clock.now += 3601  # since a model's requests were split
        with away(database):
            await site.exchanged()
            assert site.exchange.trouble == ""

    run(main())


def test_a_gateway_that_ends_writes_what_it_has_measured(database: Database, clock: Clock) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        site.meter.failed(STABLE)
        await site.exchange.close()
        assert in_registry(database, STABLE).errors == 1

    run(main())


def test_measurements_that_nobody_has_added_to_for_a_month_are_removed(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Of(MODEL, "", 1, "0.9.0", AUDIENCE)

    async def main() -> None:
        site = Site(database, "one", clock)
        with database.working() as connection:
            write_measurements(connection, "gone", [(old, in_registry(database, STABLE))])
            assert remove_measurements(connection, "", "2020") == 0
        monkeypatch.setattr(exchange, "KEPT_SECONDS", -10.0)
        site.meter.failed(STABLE)
        await site.exchanged()
        with database.reading() as connection:
            assert connection.execute(select(arm_measurements)).all() == []

    run(main())


def test_a_policy_learns_from_the_reward_that_its_experiment_names(
    database: Database, clock: Clock
) -> None:
    site = Site(database, "one", clock)
    decided = Decided("r-1", STABLE, clock(), "", Chosen(7, "1.0.0", {}, 0.5))
    site.policies.learn(decided, Reward("r-1", 1.0, MODEL, "clicks"))
    assert site.policies.observed() == {}  # of an experiment that is not known
