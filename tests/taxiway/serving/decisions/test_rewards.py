"""Rewards: posted, kept as decisions are, and joined to them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import KeptColumn
from taxiway.serving.decisions.record import Reward
from taxiway.serving.decisions.rewards.joined import joined
from taxiway.serving.decisions.rewards.posted import take_rewards
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


HOUR = 3_600_000_000
NOON = 20_000 * 24 * HOUR


def at(hours: float) -> int:
    """Microseconds since 1970 of a time after a noon."""
    return NOON + int(hours * HOUR)


def test_a_reward_by_key_is_of_all_decisions_of_the_key_in_the_window_before_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder.log()
    for request_id, key, hours in (
        ("too-early", "ann", -25.0),
        ("within", "ann", -23.0),
        ("just-now", "ann", 0.0),
        ("afterwards", "ann", 1.0),
        ("someone-else", "ben", -1.0),
        ("nobody", "", -1.0),
    ):
        monkeypatch.setattr("time.time", lambda hours=hours: at(hours) / 1e6 + 0.002)
        logged(log, an_ask(request_id, key=key))
    monkeypatch.undo()
    rewarded(log, Reward("", 3.0, MODEL, time_us=at(0.5), key="ann"))
    assert rewards_of(folder) == {
        "too-early": None,
        "within": 3.0,
        "just-now": 3.0,
        "afterwards": None,
        "someone-else": None,
        "nobody": None,
    }
    narrow = joined(folder.root, MODEL, window_hours=1).table.to_pylist()
    assert {one["_taxiway_request_id"] for one in narrow if one["_taxiway_reward"]} == {"just-now"}


def test_of_rewards_by_key_and_by_request_the_latest_counts(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder.log()
    monkeypatch.setattr("time.time", lambda: at(0) / 1e6 + 0.002)
    logged(log, *(an_ask(name, key=name) for name in ("key-later", "request-later", "twice")))
    monkeypatch.undo()
    rewarded(  # out of order
        log,
        Reward("", 2.0, MODEL, time_us=at(2), key="key-later"),
        Reward("key-later", 1.0, MODEL, time_us=at(1)),
        Reward("request-later", 4.0, MODEL, time_us=at(2)),
        Reward("", 3.0, MODEL, time_us=at(1), key="request-later"),
        Reward("", 6.0, MODEL, time_us=at(2), key="twice"),
        Reward("", 5.0, MODEL, time_us=at(1), key="twice"),
        Reward("", 6.0, MODEL, time_us=at(2), key="twice"),
        Reward("", 7.0, MODEL, time_us=at(2), key="unheard-of"),
    )
    assert rewards_of(folder) == {"key-later": 2.0, "request-later": 4.0, "twice": 6.0}
    found = joined(folder.root, MODEL)
    assert (found.duplicates, found.unknown) == (1, 1)


def test_a_reward_by_key_is_found_where_keys_are_hashed_and_refused_where_they_are_dropped(
    folder: Folder,
) -> None:
    hashing = folder.log(columns={"person": KeptColumn(keep="hash")})
    logged(hashing, an_ask("r-1", key="ann"))
    rewarded(hashing, Reward("", 1.0, MODEL, key="ann"))
    assert rewards_of(folder) == {"r-1": 1.0}
    assert b"ann" not in folder.content()
    dropping = folder.log(columns={"person": KeptColumn(keep="drop")})
    with pytest.raises(Refusal, match=r"serving.log.columns.person.keep is drop"):
        rewarded(dropping, Reward("", 1.0, MODEL, key="ann"))


def test_rewards_are_posted_as_json(folder: Folder) -> None:
    log = folder.log()
    logged(log, an_ask("r-1"), an_ask("r-2"))
    body = [
        {"request_id": "r-1", "value": 1},
        {"request_id": "r-2", "value": 0.5, "name": "reward", "at": "2026-03-01T12:00:00Z"},
        {"key": 7, "value": 2.5},
    ]
    logged(log, an_ask("r-3", key="7"))
    answer = asyncio.run(take_rewards(log, MODEL, json.dumps(body).encode()))
    assert json.loads(answer) == {"accepted": 3}
    assert rewards_of(folder) == {"r-1": 1.0, "r-2": 0.5, "r-3": 2.5}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "no JSON"),
        ('{"request_id": "r-1"}', "expected a list"),
        ("[1]", r"rewards\[0\]: got 1, expected an object"),
        ('[{"request_id": "r", "value": 1}, {"value": 1}]', r"rewards\[1\].request_id: got None"),
        ('[{"request_id": "r", "key": "ann", "value": 1}]', "got both request_id and key"),
        ('[{"key": true, "value": 1}]', r"rewards\[0\].key: got True, expected a text"),
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
