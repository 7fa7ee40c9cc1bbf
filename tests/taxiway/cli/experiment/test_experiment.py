"""Experiments from start to stop: real gateways, users with a known taste, and their rewards."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.taxiway.cli.experiment.conftest import Answered, Lab

USERS = 600
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
            await one.reward(rewards[:400])
            await other.reward([*rewards[400:], *wrong, *rewards[:30]])
            await other.reward([{"request_id": "unheard-of", "value": 1.0}])
            by_hand = await one.ask("user-1", **{"x-taxiway-version": "2"})
            assert by_hand.value == 2.0
            await one.ask("")  # of nobody: a request that is a unit of its own
            seen = await _status(lab)
        _check_counts(seen, len(answers) + len(again))
        assert seen["recommendation"]["action"] == "ship"
        (effect,) = seen["comparisons"]
        assert effect["version"] == lab.versions[1].name
        assert effect["lower"] < 0.4 < effect["upper"]
        assert effect["lower"] > 0
        truth = [sum(liked(a, SHARES[a.value]) for a in answers if a.value == v) for v in (1, 2)]
        sizes = [sum(a.value == v for a in answers) for v in (1, 2)]
        assert [arm["users"] - (arm["users"] not in sizes) for arm in seen["arms"]] == sizes
        assert [arm["mean"] for arm in seen["arms"]] == pytest.approx(
            [good / size for good, size in zip(truth, sizes, strict=True)], abs=0.05
        )

    lab.run(story)


def _check_counts(seen: Any, took_part: int) -> None:
    counts = seen["counts"]
    assert counts["took_part"] == took_part + 1
    assert (seen["users"], seen["units"]) == (USERS, USERS + 1)
    assert (counts["override"], counts["named"], counts["fallback"]) == (1, 0, 0)
    assert (counts["repeated"], counts["crossed"], counts["other_routes"]) == (0, 0, 0)
    assert counts["rewarded"] == took_part
    assert counts["duplicate_rewards"] == 50 + 30
    assert counts["unknown_rewards"] == 1
    assert seen["sample_ratio"]["mismatch"] is False


async def _status(lab: Lab) -> Any:
    import json

    done = await lab.command("experiment", "status", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)
