"""Which reward is of which decision: by request, or by key within a window; the latest counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.serving.decisions.parquet.tables import KEY, NAME, REQUEST_ID, REWARD, TIME

LATE_US: Final = 86_400_000_000
_NONE: Final = -1
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rewards:
    """Rewards of one name, in the order of their times.

    Args:
      values: as posted.
      times: in microseconds since 1970.
      request_ids: None where it is by key.
      keys: None where it is by request.
    """

    values: npt.NDArray[np.float64]
    times: Numbers
    request_ids: Sequence[str | None]
    keys: Sequence[str | None]


@dataclass(frozen=True)
class Matched:
    """Rewards of decisions, in their order.

    Args:
      source: of each decision the place of its reward in `Rewards`; -1 where none came.
      duplicates: rewards that a later one of the same request, or of the same key and time, has
        taken the place of.
      unknown: requests and keys of rewards that no decision is of.
    """

    source: Numbers
    duplicates: int
    unknown: int

    def values(self, rewards: Rewards) -> npt.NDArray[np.float64]:
        """Of each decision; NaN where none came."""
        if not len(rewards.values):
            return np.full(len(self.source), np.nan)
        return np.where(self.source == _NONE, np.nan, rewards.values[self.source])

    def came_late(self, times: Numbers, rewards: Rewards) -> npt.NDArray[np.bool_]:
        """Of each decision, made at `times`, whether its reward came more than a day after it."""
        found = np.zeros(len(times), bool)
        rows = np.flatnonzero(self.source != _NONE)
        found[rows] = rewards.times[self.source[rows]] - times[rows] > LATE_US
        return found


def match(
    request_ids: Sequence[str],
    keys: Sequence[str | None],
    times: Numbers,
    rewards: Rewards,
    window_us: int,
) -> Matched:
    """The reward of each decision.

    Args:
      request_ids: of decisions.
      keys: of decisions; None where nobody says whose they are.
      times: of decisions.
      rewards: all of one name.
      window_us: how long before a reward by key its decisions are.
    """
    by_request, by_key, repeated = _indexed(rewards)
    source = np.fromiter((by_request.get(one, _NONE) for one in request_ids), np.int64, len(times))
    unknown = len(by_request.keys() - set(request_ids))
    if by_key:
        of_keys = _of_keys(keys, times, rewards, by_key, window_us)
        unknown += len(by_key.keys() - {keys[row] for row in np.flatnonzero(of_keys != _NONE)})
        source = np.maximum(source, of_keys)  # rewards are in the order of their times
    return Matched(source, repeated, unknown)


def in_order(table: Any, name: str) -> Rewards:
    """Rewards of a name out of the log's table of all; None for no table."""
    if table is None:
        return Rewards(np.empty(0), np.empty(0, np.int64), [], [])
    table = table.filter(pc.equal(table.column(NAME), name))
    times = table.column(TIME).cast(pa.int64()).to_numpy()
    order = np.argsort(times, kind="stable")  # of two at one time the one that was logged later
    table = table.take(pa.array(order))
    has_keys = KEY in table.schema.names  # older files have none
    return Rewards(
        table.column(REWARD).to_numpy(),
        times[order],
        table.column(REQUEST_ID).to_pylist(),
        table.column(KEY).to_pylist() if has_keys else [None] * table.num_rows,
    )


def _indexed(rewards: Rewards) -> tuple[dict[str, int], dict[str, list[int]], int]:
    """The latest reward of each request, those of each key in order, and how many came again."""
    by_request: dict[str, int] = {}
    by_key: dict[str, list[int]] = {}
    repeated = 0
    for place, (request_id, key) in enumerate(zip(rewards.request_ids, rewards.keys, strict=True)):
        if key is None:
            assert request_id is not None
            repeated += request_id in by_request
            by_request[request_id] = place
            continue
        of_key = by_key.setdefault(key, [])
        if of_key and rewards.times[of_key[-1]] == rewards.times[place]:
            repeated += 1
            of_key[-1] = place
        else:
            of_key.append(place)
    return by_request, by_key, repeated


def _of_keys(
    keys: Sequence[str | None],
    times: Numbers,
    rewards: Rewards,
    by_key: dict[str, list[int]],
    window_us: int,
) -> Numbers:
    """Of each decision the latest reward of its key that came within the window after it."""
    rows_of: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        if key in by_key:
            rows_of.setdefault(str(key), []).append(row)
    found = np.full(len(times), _NONE, np.int64)
    for key, decided in rows_of.items():
        rows, places = np.array(decided), np.array(by_key[key])
        came = rewards.times[places]
        last = np.searchsorted(came, times[rows] + window_us, side="right") - 1
        is_of = (last >= 0) & (came[last] >= times[rows])
        found[rows[is_of]] = places[last[is_of]]
    return found
