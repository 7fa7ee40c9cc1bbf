"""Rewards: posted, kept as decisions are, and joined to them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from taxiway.serving.decisions.record import Reward
from taxiway.serving.decisions.rewards.joined import joined
from taxiway.serving.decisions.rewards.posted import take_rewards
from taxiway.serving.requests.refusal import Code, Refusal
from tests.taxiway.serving.decisions.conftest import MODEL, Folder, an_ask, logged, rewarded


def rewards_of(folder: Folder) -> dict[str, Any]:
    folder.converted()
    rows = joined(folder.root, MODEL).table.to_pylist()
    return {row["_taxiway_request_id"]: row["_taxiway_reward"] for row in rows}


def test_a_reward_stands_beside_each_row_of_its_request(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask("r-1", rows=2), an_ask("r-2"))
    rewarded(log, Reward("r-1", 1.5, MODEL))
    folder.converted()
    rows = joined(folder.root, MODEL).table.to_pylist()
    assert [row["_taxiway_reward"] for row in rows] == [1.5, 1.5, None]
    assert rows[0]["city"] == "Kyiv"


def test_a_fallback_has_no_reward(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask("fell"), arm="stable", chosen="canary", fallback=True)
    rewarded(log, Reward("fell", 1.0, MODEL))
    assert rewards_of(folder) == {"fell": None}
    assert joined(folder.root, MODEL).fallbacks == 1


def test_what_came_again_unknown_or_late_is_counted(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask("r-1"), an_ask("r-2"))
    now = 4_000_000_000_000_000
    rewarded(
        log,
        Reward("r-1", 1.0, MODEL, time_us=now),
        Reward("r-1", 1.0, MODEL, time_us=now),
        Reward("r-2", 1.0, MODEL),
        Reward("r-9", 1.0, MODEL),
        Reward("r-2", 5.0, MODEL, name="clicks"),
    )
    assert rewards_of(folder) == {"r-1": 1.0, "r-2": 1.0}
    found = joined(folder.root, MODEL)
    assert (found.rewarded, found.duplicates, found.unknown, found.late) == (2, 1, 1, 1)
    assert joined(folder.root, MODEL, "clicks").rewarded == 1


def test_the_latest_reward_of_a_request_counts(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask("r-1"))
    rewarded(log, Reward("r-1", 2.0, MODEL, time_us=20), Reward("r-1", 1.0, MODEL, time_us=10))
    assert rewards_of(folder) == {"r-1": 2.0}


def test_rewards_are_posted_as_json(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask("r-1"), an_ask("r-2"))
    body = [
        {"request_id": "r-1", "value": 1},
        {"request_id": "r-2", "value": 0.5, "name": "reward", "at": "2026-03-01T12:00:00Z"},
    ]
    answer = asyncio.run(take_rewards(log, MODEL, json.dumps(body).encode()))
    assert json.loads(answer) == {"accepted": 2}
    assert rewards_of(folder) == {"r-1": 1.0, "r-2": 0.5}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "no JSON"),
        ('{"request_id": "r-1"}', "expected a list"),
        ("[1]", r"rewards\[0\]: got 1, expected an object"),
        ('[{"request_id": "r", "value": 1}, {"value": 1}]', r"rewards\[1\].request_id: got None"),
        ('[{"request_id": "r", "value": true}]', "value: got True, expected a number"),
        ('[{"request_id": "r", "val": 1}]', "unknown key 'val'; did you mean 'value'"),
        ('[{"request_id": "r", "value": 1, "at": "soon"}]', "expected a time such as"),
        ('[{"request_id": "r", "value": 1, "at": "2999-01-01"}]', "no time to come"),
        ('[{"request_id": "' + "r" * 201 + '", "value": 1}]', "1 to 200 characters"),
    ],
)
def test_what_is_no_reward_is_refused_and_nothing_of_it_kept(
    folder: Folder, body: str, message: str
) -> None:
    log = folder.log()
    with pytest.raises(Refusal, match=message) as refused:
        asyncio.run(take_rewards(log, MODEL, body.encode()))
    assert refused.value.code is Code.INVALID
    assert log.counts().accepted == 0


def test_too_many_rewards_at_once_are_refused(folder: Folder) -> None:
    body = json.dumps([{"request_id": "r", "value": 1}] * 10_001).encode()
    with pytest.raises(Refusal, match="10000 at most") as refused:
        asyncio.run(take_rewards(folder.log(), MODEL, body))
    assert refused.value.code is Code.TOO_LARGE
