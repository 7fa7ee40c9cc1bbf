"""Decisions with what came of them, as an Arrow table to learn from or to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from taxiway.serving.decisions.layout import REWARDS, parts
from taxiway.serving.decisions.parquet.files import read_table
from taxiway.serving.decisions.parquet.tables import (
    FALLBACK,
    NAME,
    POLICY,
    REQUEST_ID,
    REWARD,
    TIME,
    one_table,
)
from taxiway.serving.requests.ask import OVERRIDE

_LATE_US: Final = 86_400_000_000


@dataclass(frozen=True)
class Joined:
    """Decisions and their rewards.

    Args:
      table: rows of decisions, with a column `_taxiway_reward`, null where none came.
      decisions: rows that were read.
      rewarded: rows that have a reward.
      fallbacks: rows whose arm was not the one that was chosen: their rewards are left out, as they
        say nothing of either arm.
      overrides: rows whose version someone looked at by hand: theirs are left out too.
      duplicates: rewards that came again; of one request the latest counts.
      unknown: rewards of requests that no file has: erased, too old, or never asked here.
      late: rewards that came more than a day after their decision; they count.
    """

    table: Any
    decisions: int = 0
    rewarded: int = 0
    fallbacks: int = 0
    overrides: int = 0
    duplicates: int = 0
    unknown: int = 0
    late: int = 0


def joined(root: Path, model: str, name: str = "reward") -> Joined:
    """All decisions of a model that are Parquet, with their rewards of a name.

    A request of several rows has one reward, which each of its rows gets.
    """
    table = _all_of(root / model)
    if table is None:
        rewards = _latest(root / model / REWARDS, name)
        return Joined(pa.table({}), duplicates=rewards[1], unknown=len(rewards[0]))
    found, duplicates = _latest(root / model / REWARDS, name)
    ids = table.column(REQUEST_ID).to_pylist()
    times = table.column(TIME).cast(pa.int64()).to_pylist()
    is_fallback = table.column(FALLBACK).to_pylist()
    by_hand = [one == OVERRIDE for one in table.column(POLICY).to_pylist()]
    values: list[float | None] = []
    late: set[str] = set()
    for request_id, time_us, *left_out in zip(ids, times, is_fallback, by_hand, strict=True):
        value, came = found.get(request_id, (None, 0))
        values.append(None if any(left_out) else value)
        if value is not None and came - time_us > _LATE_US:
            late.add(request_id)
    return Joined(
        table.append_column(REWARD, pa.array(values, pa.float64())),
        decisions=len(ids),
        rewarded=sum(value is not None for value in values),
        fallbacks=sum(is_fallback),
        overrides=sum(by_hand),
        duplicates=duplicates,
        unknown=len(found.keys() - set(ids)),
        late=len(late),
    )


def _all_of(folder: Path) -> Any:
    tables = [table for path in parts(folder) if (table := read_table(path)) is not None]
    return one_table(tables) if tables else None


def _latest(folder: Path, name: str) -> tuple[dict[str, tuple[float, int]], int]:
    """The latest reward of each request with its time, and how many others there were."""
    table = _all_of(folder)
    if table is None:
        return {}, 0
    columns = (REQUEST_ID, REWARD, NAME, TIME)
    cells = [
        (table.column(one).cast(pa.int64()) if one == TIME else table.column(one)).to_pylist()
        for one in columns
    ]
    found: dict[str, tuple[float, int]] = {}
    others = 0
    for request_id, value, named, time_us in zip(*cells, strict=True):
        if named != name:
            continue
        known = found.get(request_id)
        others += known is not None
        if known is None or time_us >= known[1]:
            found[request_id] = (value, time_us)
    return found, others
