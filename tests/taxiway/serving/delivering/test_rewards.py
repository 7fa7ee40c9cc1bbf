"""Rewards are joined to decisions as they come, by whichever gateway made the decision."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from taxiway.access.refusal import Code, Refusal
from taxiway.delivery.section import Rewards
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import posted_rewards
from taxiway.serving.decisions.record import Reward
from tests.taxiway.serving.delivering.conftest import (
    CANARY,
    STABLE,
    Clock,
    Site,
    every_kind,
    in_registry,
    run,
)

SECOND = 1_000_000
"""In microseconds."""


def waiting(database: Database) -> int:
    """Rewards in the table."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(posted_rewards)).scalar_one()


def rewards(database: Database, where: tuple[str, int, str, str] = STABLE) -> tuple[int, float]:
    """How many have been counted for a version, and their sum."""
    found = in_registry(database, where).rewards.get("reward")
    return (0, 0.0) if found is None else (found.count, found.total)


def test_a_reward_counts_for_the_version_that_made_the_decision(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        site.decided("r-1", STABLE)
        site.decided("r-2", CANARY)
        await site.told(5.0, "r-1")
        await site.told(2.0, "r-2")
        await site.told(3.0, "r-2", name="clicks")
        await site.exchanged()
        assert rewards(database, STABLE) == (1, 5.0)
        assert rewards(database, CANARY) == (1, 2.0)
        assert in_registry(database, CANARY).rewards["clicks"].total == 3.0
        assert [one.value for one in site.log.kept] == [5.0, 2.0, 3.0]

    run(main())


def test_a_reward_that_comes_again_takes_the_place_of_the_one_before(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        site.decided("r-1")
        now = int(clock.now * SECOND)
        await site.told(5.0, "r-1", time_us=now)
        await site.exchanged()
        await site.told(5.0, "r-1", time_us=now)
        await site.told(7.0, "r-1", time_us=now + SECOND)
        await site.told(9.0, "r-1", time_us=now - SECOND)  # older, so it counts no more
        await site.exchanged()
        assert rewards(database) == (1, 7.0)
        assert site.rewards.counts.joined == 1

    run(main())


def test_a_reward_that_comes_before_its_decision_waits_for_it(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        await site.told(5.0, "r-1")
        await site.exchanged()
        await site.exchanged()
        assert waiting(database) == 1
        site.decided("r-1")
        await site.exchanged()  # takes it
        await site.exchanged()  # writes what it was
        assert rewards(database) == (1, 5.0)
        assert waiting(database) == 0

    run(main())


@every_kind
def test_a_reward_is_joined_by_the_gateway_that_made_the_decision(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        one, two = Site(database, "one", clock), Site(database, "two", clock)
        one.decided("r-1")
        await two.told(5.0, "r-1")
        await two.exchanged()
        assert waiting(database) == 1
        for site in (one, two, one, two, one, two):
            await site.exchanged()
        assert waiting(database) == 0
        assert rewards(database) == (1, 5.0)
        assert (one.rewards.counts.joined, two.rewards.counts.posted) == (1, 1)
        assert one.rewards.wanted() == two.rewards.wanted() == []

    run(main())


def test_of_two_gateways_that_know_a_request_one_has_its_reward(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        one, two, three = (Site(database, name, clock) for name in ("one", "two", "three"))
        for site in (one, two):  # a client that has asked again, with the same id
            site.decided("r-1")
        await three.told(5.0, "r-1")
        for site in (three, one, two, one, two, one, two):
            await site.exchanged()
        assert rewards(database) == (1, 5.0)

    run(main())


def test_a_reward_by_key_counts_for_the_decisions_of_that_key_before_it(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        site.decided("old", key="ann")
        clock.now += 3601
        site.decided("r-1", key="ann")
        site.decided("r-2", key="ben")
        clock.now += 1
        at = int(clock.now * SECOND)
        clock.now += 1
        site.decided("later", key="ann")
        await site.told(5.0, key="ann", time_us=at)
        await site.exchanged()
        assert rewards(database) == (1, 5.0)

    run(main())


def test_a_key_stands_in_the_registry_as_its_digest(database: Database, clock: Clock) -> None:
    async def main() -> None:
        one, two = Site(database, "one", clock), Site(database, "two", clock)
        one.decided("r-1", key="ann@example.org")
        clock.now += 1
        await two.told(5.0, key="ann@example.org")
        await two.exchanged()
        with database.reading() as connection:
            (row,) = connection.execute(select(posted_rewards))
        assert row.request_id == ""
        assert "ann" not in str(row.reward)
        for _ in range(3):  # sees it, takes it, and writes what it has counted
            await one.exchanged()
        assert rewards(database) == (1, 5.0)

    run(main())


def test_what_nobody_takes_is_removed_and_counted(database: Database, clock: Clock) -> None:
    async def main() -> None:
        one, two = (Site(database, name, clock, Rewards(seconds=60)) for name in ("one", "two"))
        await one.told(5.0, "r-unknown")
        for site in (one, one, two):
            await site.exchanged()
        clock.now += 61
        for site in (one, two):
            await site.exchanged()
        assert waiting(database) == 0
        assert one.rewards.counts.lost + two.rewards.counts.lost == 1

    run(main())


def test_no_more_decisions_are_remembered_than_the_config_says(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock, Rewards(decisions=2, seconds=60))
        for name in ("r-1", "r-2", "r-3"):
            site.decided(name, key="ann")
        await site.told(1.0, "r-1")
        await site.told(2.0, "r-3")
        await site.told(4.0, key="ann")
        await site.exchanged()
        assert rewards(database) == (2, 8.0)  # of r-2 and r-3
        clock.now += 61
        site.rewards.tidy()
        await site.told(2.0, "r-2")
        await site.exchanged()
        assert rewards(database) == (2, 8.0)

    run(main())


def test_a_reward_of_a_request_that_another_arm_answered_says_nothing_of_either(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        site.decided("fell", where=None)
        await site.told(5.0, "fell")
        await site.exchanged()
        assert rewards(database) == (0, 0.0)
        assert waiting(database) == 0

    run(main())


def test_a_policy_learns_of_the_first_reward_of_a_decision(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        site.decided("r-1", context={"of": "a policy"})
        site.decided("r-2")
        for value in (5.0, 6.0):
            await site.told(value, "r-1")
            await site.told(value, "r-2")
        assert site.learnt == [("r-1", 5.0)]

    run(main())


def test_what_the_log_refuses_is_not_counted(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        site.decided("r-1")

        async def refuses(_: Reward) -> None:
            raise Refusal(Code.UNAVAILABLE, "the disk is full")

        monkeypatch.setattr(site.log, "record_reward", refuses)
        with pytest.raises(Refusal, match="the disk is full"):
            await site.told(5.0, "r-1")
        await site.exchanged()
        assert rewards(database) == (0, 0.0)

    run(main())


def test_where_traffic_is_not_split_a_reward_without_a_decision_stays_in_the_log(
    database: Database, clock: Clock
) -> None:
    async def main() -> None:
        site = Site(database, "one", clock)
        clock.now += 3601  # since it was split
        await site.told(5.0, "r-1")
        await site.exchanged()
        assert waiting(database) == 0
        assert len(site.log.kept) == 1

    run(main())
