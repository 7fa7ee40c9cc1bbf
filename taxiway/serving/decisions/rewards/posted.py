"""Rewards as a client posts them, or a file has them: `[{"request_id": "...", "value": 1.0}]`."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Final, Protocol

import orjson

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import did_you_mean
from taxiway.serving.decisions.record import Reward
from taxiway.serving.requests.columns import plain_text

MOST: Final = 10_000
"""Of one request."""
_AT_ONCE: Final = 200
"""That are recorded before requests have their turn."""
LONGEST: Final = 200
"""Characters of a request's id or a reward's name."""
KEYS: Final = ("request_id", "key", "value", "name", "at")


class RewardSink(Protocol):
    """What keeps rewards: the decision log."""

    async def record_reward(self, reward: Reward) -> None:
        """Takes one; it is as safe as a decision when this returns."""


async def take_rewards(sink: RewardSink, model: str, body: bytes) -> bytes:
    """Records what was posted to `/v1/models/<model>/rewards`; all of it or, if refused, nothing.

    The same reward may be posted again: one counts. Whether there is such a request is found out
    when rewards are joined, as they may come first.

    Args:
      sink: the decision log.
      model: whose decisions they are of.
      body: a JSON list of `{"request_id" or "key", "value", "name" (reward), "at" (now; ISO
        8601)}`.

    Returns:
      The answer's body, `{"accepted": 3}`.

    Raises:
      Refusal: INVALID, with the place; TOO_LARGE; UNAVAILABLE, they cannot be kept.
    """
    rewards = read_rewards(model, body)
    for number, reward in enumerate(rewards):
        await sink.record_reward(reward)
        if number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
    return orjson.dumps({"accepted": len(rewards)})


def read_rewards(model: str, body: bytes) -> list[Reward]:
    """Rewards of a body; raises as `take_rewards`."""
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise Refusal(Code.INVALID, f"rewards: the body is no JSON: {error}") from error
    if not isinstance(found, list):
        raise Refusal(Code.INVALID, f"rewards: got {_named(found)}, expected a list of objects")
    if len(found) > MOST:
        raise Refusal(Code.TOO_LARGE, f"rewards: got {len(found)}, expected {MOST} at most")
    return [read_reward(model, one, f"rewards[{number}]") for number, one in enumerate(found)]


def read_reward(model: str, one: Any, where: str) -> Reward:
    """One reward of plain values.

    Args:
      model: whose decision it is of.
      one: a mapping; see `take_rewards`.
      where: it stands, for errors.

    Raises:
      Refusal: INVALID.
    """
    if not isinstance(one, dict):
        raise Refusal(Code.INVALID, f"{where}: got {_named(one)}, expected an object")
    for key in one:
        if key not in KEYS:
            guess = did_you_mean(key, KEYS)
            raise Refusal(Code.INVALID, f"{where}: unknown key {key[:LONGEST]!r}{guess}")
    value = one.get("value")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refusal(Code.INVALID, f"{where}.value: got {_named(value)}, expected a number")
    request_id, key = one.get("request_id"), one.get("key")
    if request_id is not None and key is not None:
        raise Refusal(Code.INVALID, f"{where}: got both request_id and key, expected one of them")
    if request_id is None and key is None:
        raise Refusal(Code.INVALID, f"{where}.request_id: got None, expected it, or key")
    if isinstance(key, (int, float)) and not isinstance(key, bool):
        key = plain_text(key)
    by_key = key is not None
    which = _short(key, f"{where}.key") if by_key else _short(request_id, f"{where}.request_id")
    name = _short(one.get("name", "reward"), f"{where}.name")
    reward = Reward(which, float(value), model, name, _time(one.get("at"), f"{where}.at"))
    return replace(reward, request_id="", key=which) if by_key else reward


def _short(value: Any, where: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        expected = f"a text of 1 to {LONGEST} characters"
        raise Refusal(Code.INVALID, f"{where}: got {_named(value)}, expected {expected}")
    return value


def _time(value: Any, where: str) -> int:
    """Microseconds since 1970; 0, now, where none is given."""
    if value is None:
        return 0
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError as error:
        expected = "a time such as 2026-03-01T12:00:00Z"
        raise Refusal(Code.INVALID, f"{where}: got {_named(value)}, expected {expected}") from error
    aware = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
    if not 0 <= aware.timestamp() <= datetime.now(timezone.utc).timestamp() + 86_400:
        raise Refusal(Code.INVALID, f"{where}: got {_named(value)}, expected no time to come")
    return int(aware.timestamp() * 1e6)


def _named(value: Any) -> str:
    return repr(value)[:LONGEST]
