"""Experiments from start to stop: real gateways, users with a known taste, and their rewards."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import uvloop

from taxiway.delivery.evidence.records import read_measurements, summed
from taxiway.delivery.experiment.learning import PolicyState, states
from taxiway.delivery.policies.counted.sums import sums_of
from taxiway.serving.decisions.experiments.background import AutoExperiments
from taxiway.serving.routing.choose import slot
from tests.taxiway.cli.experiment.conftest import Answered, Lab, route
from tests.taxiway.serving.fleet.conftest import until

USERS = 400
SEED = 7


def liked(one: Answered, share: float) -> float:
    """Whether a user buys at what the version answers, of which it buys that share."""
    return float(random.Random(f"{SEED}{one.user}").random() < share)


SHARES = {1.0: 0.2, 2.0: 0.6, 3.0: 0.2}
"""By what the version answers."""


def test_an_effect_is_found_though_rewards_are_late_repeated_and_out_of_order(lab: Lab) -> None:
    async def story() -> None:
        await lab.pushed("1", "2")
        lab.started()
        async with lab.gateway() as one, lab.gateway() as other:
            users = [(f"user-{number}", 1.0) for number in range(USERS)]
            answers = await one.ask_all(users[: USERS // 2]) + await other.ask_all(
                users[USERS // 2 :]
            )
            again = await other.ask_all(users[:100])  # sticky, and on another gateway
            assert [a.value for a in again] == [a.value for a in answers[:100]]
            rewards = [
                {"request_id": a.request_id, "value": liked(a, SHARES[a.value])}
                for a in [*answers, *again]
            ]
            random.Random(SEED).shuffle(rewards)
            wrong = [one | {"value": 9.0, "at": "2026-01-01T00:00:00Z"} for one in rewards[:50]]
            await one.reward(rewards[:300])
            await other.reward([*rewards[300:], *wrong, *rewards[:30]])
            await other.reward([{"request_id": "unheard-of", "value": 1.0}])
            by_hand = await one.ask("user-1", **{"x-taxiway-version": "2"})
            assert by_hand.value == 2.0
            await one.ask("")  # of nobody: a request that is a unit of its own
            await until(lambda: measured(lab) == len(answers) + len(again) + 1)
            seen = await _status(lab)
        _check_counts(seen, len(answers) + len(again))
        assert seen["recommendation"]["action"] == "ship"
        (effect,) = seen["comparisons"]
        assert effect["version"] == lab.versions[1].name
        assert effect["lower"] < 0.4 < effect["upper"]
        assert effect["lower"] > 0
        truth = [sum(liked(a, SHARES[a.value]) for a in answers if a.value == v) for v in (1, 2)]
        sizes = [sum(a.value == v for a in answers) for v in (1, 2)]
        assert sum(arm["users"] for arm in seen["arms"]) == sum(sizes) + 1
        assert [arm["mean"] for arm in seen["arms"]] == pytest.approx(
            [good / size for good, size in zip(truth, sizes, strict=True)], abs=0.05
        )

    uvloop.run(story())


def measured(lab: Lab) -> int:
    """Requests that gateways have told the registry of."""
    with lab.site.database.reading() as connection:
        found = read_measurements(connection, lab.site.model, "", 0)
    return sum(summed(found, one.name).requests for one in lab.versions)


def _check_counts(seen: Any, took_part: int) -> None:
    counts = seen["counts"]
    assert counts["took_part"] == took_part + 1
    assert (seen["users"], seen["units"]) == (USERS, USERS + 1)
    assert (counts["override"], counts["named"], counts["fallback"]) == (1, 0, 0)
    assert (counts["repeated"], counts["crossed"], counts["other_routes"]) == (0, 0, 0)
    assert counts["rewarded"] == took_part
    assert [arm["model"]["requests"] for arm in seen["arms"]] == [
        arm["requests"] for arm in seen["arms"]
    ]
    assert [arm["model"]["error_rate"] for arm in seen["arms"]] == [0, 0]
    assert counts["duplicate_rewards"] == 50 + 30
    assert counts["unknown_rewards"] == 1
    assert seen["sample_ratio"]["mismatch"] is False


async def _status(lab: Lab) -> Any:
    done = await lab.command("experiment", "status", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def version_of(lab: Lab, user: str) -> str:
    """The version that a user would be answered by."""
    now = route(lab.site)
    assert now is not None
    return now.arm_at(slot(now, user)).version


def test_users_that_go_missing_in_one_arm_withhold_the_result(lab: Lab) -> None:
    async def story() -> None:
        await lab.pushed("1", "2")
        lab.started()
        users = [f"user-{number}" for number in range(400)]
        control = lab.versions[0].name
        asking = [one for one in users if version_of(lab, one) == control or one[-1] in "036"]
        async with lab.gateway() as gateway:
            answers = await gateway.ask_all([(user, 1.0) for user in asking])
            await gateway.reward(
                [{"request_id": a.request_id, "value": liked(a, SHARES[a.value])} for a in answers]
            )
            seen = await _status(lab)
            told = await lab.command("experiment", "status")
        assert seen["recommendation"]["action"] == "withheld"
        assert (seen["comparisons"], {arm["mean"] for arm in seen["arms"]}) == ([], {None})
        assert "recommended: withheld" in told.out
        assert "the sample ratio does not match:" in told.out
        assert "look at" in told.out
        assert "+0." not in told.out  # no effect, however one looks for it

    uvloop.run(story())


def test_a_ramp_goes_on_over_a_restart_and_what_is_promoted_serves(lab: Lab) -> None:
    async def story() -> None:
        await lab.pushed("1", "2")
        names = [one.name for one in lab.versions]
        arms = [
            {"version": name, "weight": weight}
            for name, weight in zip(names, (90, 10), strict=True)
        ]
        lab.started(arms=arms)
        users = [(f"user-{number}", 1.0) for number in range(200)]
        async with lab.gateway() as gateway:
            first = await gateway.ask_all(users)
        async with lab.gateway() as gateway:  # one that was started anew
            again = await gateway.ask_all(users)
            assert [a.value for a in again] == [a.value for a in first]
            done = await lab.command("experiment", "ramp", *(f"{name}=50" for name in names))
            assert done.code == 0, done.err
            await gateway.follows(lab.site)
            ramped = await gateway.ask_all(users)
            pairs = [(a.value, b.value) for a, b in zip(first, ramped, strict=True)]
            assert (pairs.count((2.0, 1.0)), pairs.count((1.0, 2.0)) > 40) == (0, True)
            await gateway.reward(
                [{"key": a.user, "value": liked(a, SHARES[a.value])} for a in ramped]
            )
            seen = await _status(lab)
            assert [arm["weight"] for arm in seen["arms"]] == [50, 50]
            assert (seen["counts"]["took_part"], seen["counts"]["other_routes"]) == (200, 0)
            assert (seen["users"], seen["counts"]["rewarded"]) == (200, 200)
            assert [one["effect"] > 0.1 for one in seen["comparisons"]] == [True]
            done = await lab.command("experiment", "stop", "--promote", names[1], "-m", "enough")
            assert done.code == 0, done.err
            await gateway.follows(lab.site)
            assert {a.value for a in await gateway.ask_all(users[:20])} == {2.0}
        (kept,) = json.loads((await lab.command("experiment", "list", "--json")).out)
        assert (kept["phase"], kept["outcome"]["serves"]) == ("stopped", names[1])
        assert kept["outcome"]["comparisons"] == seen["comparisons"]
        told = await lab.command("experiment", "status")
        assert f"traffic went to {names[1]}: enough" in told.out
        wide = [line for line in told.out.splitlines() if len(line) > 80]
        assert [line for line in wide if "  " in line.strip()] == []  # of tables none

    uvloop.run(story())


def test_auto_ships_what_is_better_and_one_gateway_does_it(lab: Lab) -> None:
    async def story() -> None:
        await lab.pushed("1", "2")
        lab.started(auto=True)
        root = lab.config().serving.log.root
        turns = [
            AutoExperiments(lab.site.database, name, "", root, 24.0, 60.0, every=0.2)
            for name in ("one", "other")
        ]
        turns[0].look()  # its turn it is from here on, and not the gateway's that starts next
        async with lab.gateway() as gateway:
            answers = await gateway.ask_all([(f"user-{number}", 1.0) for number in range(300)])
            await gateway.reward(
                [{"request_id": a.request_id, "value": liked(a, SHARES[a.value])} for a in answers]
            )

            def looked() -> bool:
                assert [turn.look() for turn in turns] == [{}, {}]
                now = route(lab.site)
                return now is not None and len(now.arms) == 1

            await until(looked, every=0.05)
            for turn in turns:
                turn.give_back()
            await gateway.follows(lab.site)
            assert (await gateway.ask("anyone")).value == 2.0
        audited = lab.site.audited()
        assert [action for action, _, _ in audited].count("experiment.stopped") == 1
        assert audited[-1][2].startswith(f"auto: {lab.versions[1].name} is better than")

    uvloop.run(story())


def test_a_bandit_learns_from_rewards_and_tells_its_regret(lab: Lab) -> None:
    async def story() -> None:
        await lab.pushed("1", "2")
        lab.started(policy={"kind": "thompson"})
        async with lab.gateway() as gateway:
            rewarded, learnt = 0, 1

            def state() -> PolicyState:
                with lab.site.database.reading() as connection:
                    (found,) = states(connection, "").values()
                return found

            for first in range(0, 300, 100):
                users = [(f"user-{number}", 1.0) for number in range(first, first + 100)]
                answers = await gateway.ask_all(users)
                await gateway.reward(
                    [{"request_id": a.request_id, "value": a.value - 1} for a in answers]
                )
                rewarded += len(answers)
                await until(
                    lambda wanted=rewarded: (
                        wanted == sum(one.n for one in sums_of(state().state).values())
                    )
                )
                assert state().number > learnt
                learnt = state().number
            seen = await _status(lab)
            told = await lab.command("experiment", "status")
        shares = [arm["requests"] / 300 for arm in seen["arms"]]
        assert shares[1] > 0.7
        assert (seen["comparisons"], seen["sample_ratio"]) == ([], None)
        regret = seen["regret"]
        assert (regret["best"], regret["observations"]) == (lab.versions[1].name, 300)
        assert regret["low"] <= 300 * shares[0] <= regret["high"]
        assert f"against {lab.versions[1].name} every time" in told.out
        assert "\n300 requests took part in 0.0 days\n" in told.out  # drawn for each, by no key

    uvloop.run(story())


def test_what_it_takes_is_told_before_it_starts(lab: Lab) -> None:
    async def story() -> None:
        await lab.pushed("1", "2")
        lab.design()
        unknown = await lab.command("experiment", "plan")
        assert "how many users that takes is not known" in unknown.out
        async with lab.gateway() as gateway:
            answers = await gateway.ask_all([(f"user-{number}", 1.0) for number in range(100)])
            await gateway.reward(
                [{"request_id": a.request_id, "value": liked(a, 0.3)} for a in answers]
            )
            told = await lab.command("experiment", "plan")
            mean = sum(liked(a, 0.3) for a in answers) / 100
            assert f"by 100 users of the log: mean {mean:g}, standard deviation" in told.out
            planned = json.loads((await lab.command("experiment", "plan", "--json")).out)["plan"]
            fixed, sequential = planned["fixed"]["users"], planned["sequential"]["users"]
            assert 120 < fixed < sequential < 400
            assert planned["before"]["traffic_per_day"] == 100
            assert (await lab.command("experiment", "status")).code == 1  # nothing was started
            done = await lab.command("experiment", "start", "--wait", "20")
            assert done.code == 0, done.err
            assert done.out.index("as many as you like") < done.out.index("started prices")
            assert "taken up by 1 gateway" in done.out
        assert lab.json("experiment", "list")[0]["plan"] == planned

    uvloop.run(story())


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("start",), 2, "the config has no experiment"),
        (("stop",), 1, "tiny had no experiment yet"),
        (("ramp", "1.0.0:50"), 2, "expected VERSION=PERCENT"),
        (("status", "--name", "prices"), 1, "tiny had no experiment 'prices'"),
    ],
)
def test_what_cannot_be_is_refused(lab: Lab, words: tuple[str, ...], code: int, told: str) -> None:
    done = lab("experiment", *words)
    assert (done.code, told in done.err) == (code, True), done.err
