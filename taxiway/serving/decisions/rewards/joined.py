"""Decisions with what came of them, as an Arrow table to learn from or to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from taxiway.serving.decisions.layout import REWARDS, parts
from taxiway.serving.decisions.parquet.files import read_table
from taxiway.serving.decisions.parquet.tables import (
    FALLBACK,
    KEY,
    POLICY,
    REQUEST_ID,
    REWARD,
    TIME,
    one_table,
)
from taxiway.serving.decisions.rewards.matching import in_order, match
from taxiway.serving.requests.ask import OVERRIDE

WINDOW_HOURS: Final = 24.0
_HOUR_US: Final = 3_600_000_000


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
      unknown: requests and keys of rewards of which no file has a decision: erased, too old, or
        never asked here.
      late: requests whose reward came more than a day after their decision; they count.
    """

    table: Any
    decisions: int = 0
    rewarded: int = 0
    fallbacks: int = 0
    overrides: int = 0
    duplicates: int = 0
    unknown: int = 0
    late: int = 0


def joined(
    root: Path, model: str, name: str = "reward", window_hours: float = WINDOW_HOURS
) -> Joined:
    """All decisions of a model that are Parquet, with their rewards of a name.

    A request of several rows has one reward, which each of its rows gets.

    Args:
      root: of the log.
      model: name.
      name: of the reward.
      window_hours: `serving.log.reward_window_hours`.
    """
    table = _all_of(root / model)
    rewards = in_order(_all_of(root / model / REWARDS), name)
    if table is None:
        found = match([], [], np.empty(0, np.int64), rewards, 0)
        return Joined(pa.table({}), duplicates=found.duplicates, unknown=found.unknown)
    ids, times = table.column(REQUEST_ID).to_pylist(), table.column(TIME).cast(pa.int64())
    keys = table.column(KEY).to_pylist()
    found = match(ids, keys, times.to_numpy(), rewards, int(window_hours * _HOUR_US))
    fell = table.column(FALLBACK).to_numpy()
    by_hand = np.array([one == OVERRIDE for one in table.column(POLICY).to_pylist()], bool)
    values = np.where(fell | by_hand, np.nan, found.values(rewards))
    return Joined(
        table.append_column(REWARD, pa.array(values, pa.float64(), from_pandas=True)),
        decisions=len(values),
        rewarded=int(np.isfinite(values).sum()),
        fallbacks=int(fell.sum()),
        overrides=int(by_hand.sum()),
        duplicates=found.duplicates,
        unknown=found.unknown,
        late=len({ids[row] for row in np.flatnonzero(found.came_late(times.to_numpy(), rewards))}),
    )


def _all_of(folder: Path) -> Any:
    tables = [table for path in parts(folder) if (table := read_table(path)) is not None]
    return one_table(tables) if tables else None
