"""The log of an experiment as arrays: who took part, what came of it, and what is left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.delivery.experiment.judging.requests import Came, LeftOut, Requests
from taxiway.delivery.experiment.phases import Phase
from taxiway.registry.database.tables import TIME_FORMAT
from taxiway.serving.decisions.layout import span_of
from taxiway.serving.decisions.parquet.tables import (
    CHOSEN,
    FALLBACK,
    KEY,
    LATENCY,
    POLICY,
    PROPENSITY,
    REQUEST_ID,
    REVISION,
    TIME,
)
from taxiway.serving.decisions.parquet.unconverted import read_all
from taxiway.serving.decisions.rewards.matching import in_order, match
from taxiway.serving.requests.ask import NAMED, OUTSIDE, OVERRIDE

READ: Final = (
    REQUEST_ID,
    TIME,
    KEY,
    POLICY,
    REVISION,
    CHOSEN,
    FALLBACK,
    LATENCY,
    PROPENSITY,
)
_HOUR_US: Final = 3_600_000_000
Flags = npt.NDArray[np.bool_]


def read_requests(
    root: Path,
    model: str,
    phase: Phase,
    rewards: Collection[str],
    covariate: str,
    by_user: bool,
    window_hours: float,
) -> Requests:
    """Requests of a phase of an experiment, of all gateways, up to what is on disk now.

    Args:
      root: of the log.
      model: name.
      phase: whose revisions they went by.
      rewards: names of those that are wanted.
      covariate: column; empty for none.
      by_user: whether arms were drawn for users; else for each request.
      window_hours: `serving.log.reward_window_hours`.
    """
    started = _microseconds(phase.since)
    columns = [*READ, *([covariate] if covariate else [])]
    table, rewarded = read_all(root, model, span_of(started), columns)
    if table is None or REVISION not in table.schema.names:
        table = _empty(columns)
    took_part, left_out = _taking_part(table, phase, started)
    of_names = {name: came(table, rewarded, name, window_hours) for name in rewards}
    table, of_names = kept(table, of_names, took_part)
    arm = _arms(table, phase.names)
    unit, keyed = units(table, by_user)
    crossed = _crossed(arm, unit) if by_user else np.zeros(len(arm), bool)
    if crossed.any():
        left_out["crossed"] = int(crossed.sum())
        (table, of_names), arm = kept(table, of_names, ~crossed), arm[~crossed]
        unit, keyed = units(table, by_user)
    return Requests(
        arm,
        unit,
        keyed,
        _flags(table, FALLBACK),
        floats(table, LATENCY),
        floats(table, PROPENSITY),
        of_names,
        floats(table, covariate) if covariate else None,
        LeftOut(**left_out),
    )


def _taking_part(table: Any, phase: Phase, started: int) -> tuple[Flags, dict[str, int]]:
    """Which rows are of the phase, one for each request; and how many are not, by why."""
    policy, revision = table.column(POLICY), table.column(REVISION)
    times = table.column(TIME).cast(pa.int64()).to_numpy()
    is_of = truth(pc.is_in(revision, value_set=pa.array(phase.revisions, pa.int64())))
    recent = is_of | (times >= started)
    known = truth(pc.is_in(table.column(CHOSEN), value_set=pa.array(phase.names)))
    named, override, outside = (
        truth(pc.equal(policy, name)) for name in (NAMED, OVERRIDE, OUTSIDE)
    )
    first, again = first_rows(table, times)
    counted = recent & first
    drawn = is_of & known & ~(named | override | outside)
    left_out = {
        "named": named & counted,
        "override": override & counted,
        "outside": outside & is_of & counted,
        "other_routes": counted & ~(drawn | named | override | (outside & is_of)),
        "repeated": again & drawn,
    }
    return drawn & first, {name: int(rows.sum()) for name, rows in left_out.items()}


def first_rows(table: Any, times: npt.NDArray[np.int64]) -> tuple[Flags, Flags]:
    """The first row of each request id, and of those the first rows of requests that repeat it."""
    order = np.argsort(times, kind="stable")
    ids = pc.dictionary_encode(table.column(REQUEST_ID)).combine_chunks()
    codes = ids.indices.to_numpy(zero_copy_only=False)[order] if len(order) else order
    _, at = np.unique(codes, return_index=True)
    first = np.zeros(len(order), bool)
    first[order[at]] = True
    moments = np.stack([codes, times[order]], axis=1) if len(order) else np.empty((0, 2), np.int64)
    _, at = np.unique(moments, axis=0, return_index=True)
    again = np.zeros(len(order), bool)
    again[order[at]] = True  # rows of one request have one time
    return first, again & ~first


def not_by_hand(table: Any) -> Flags:
    """Rows whose version no one has named."""
    return ~truth(pc.is_in(table.column(POLICY), value_set=pa.array([NAMED, OVERRIDE])))


def _arms(table: Any, names: Sequence[str]) -> npt.NDArray[np.int64]:
    found = pc.index_in(table.column(CHOSEN), value_set=pa.array(names))
    return np.asarray(found.to_numpy(), np.int64)


def units(table: Any, by_user: bool) -> tuple[npt.NDArray[np.int64], int]:
    """Of each request whose it is, numbered from 0; and how many of them are users."""
    ids, keys = table.column(REQUEST_ID), table.column(KEY)
    if not by_user:
        return np.arange(table.num_rows), 0
    own = pc.binary_join_element_wise("request", ids, "\0")
    of_user = pc.binary_join_element_wise("user", keys, "\0")  # null where there is no key
    found = pc.dictionary_encode(pc.coalesce(of_user, own)).combine_chunks()
    codes = found.indices.to_numpy(zero_copy_only=False)
    return np.asarray(codes, np.int64), int(pc.count_distinct(keys, mode="only_valid").as_py())


def _crossed(arm: npt.NDArray[np.int64], unit: npt.NDArray[np.int64]) -> Flags:
    """Requests of units that were given more than one arm."""
    pairs = np.unique(np.stack([unit, arm], axis=1), axis=0) if len(arm) else np.empty((0, 2))
    found, counts = np.unique(pairs[:, 0], return_counts=True)
    return np.isin(unit, found[counts > 1])


def came(table: Any, rewarded: Any, name: str, window_hours: float) -> Came:
    """Rewards of all requests, whether they took part or not: only then none is unknown wrongly."""
    rewards = in_order(rewarded, name)
    times = table.column(TIME).cast(pa.int64()).to_numpy()
    found = match(
        table.column(REQUEST_ID).to_pylist(),
        table.column(KEY).to_pylist(),
        times,
        rewards,
        int(window_hours * _HOUR_US),
    )
    return Came(
        found.values(rewards),
        found.source,
        found.came_late(times, rewards),
        found.duplicates,
        found.unknown,
    )


def kept(table: Any, came: Mapping[str, Came], rows: Flags) -> tuple[Any, dict[str, Came]]:
    """Some rows of decisions, with their rewards."""
    found = {
        name: replace(
            one, values=one.values[rows], source=one.source[rows], is_late=one.is_late[rows]
        )
        for name, one in came.items()
    }
    return table.filter(pa.array(rows)), found


def _empty(columns: Sequence[str]) -> Any:
    types = {
        TIME: pa.timestamp("us", "UTC"),
        REVISION: pa.int64(),
        FALLBACK: pa.bool_(),
        LATENCY: pa.float64(),
        PROPENSITY: pa.float64(),
    }
    return pa.schema([(name, types.get(name, pa.string())) for name in columns]).empty_table()


def floats(table: Any, name: str) -> npt.NDArray[np.float64]:
    """A column of numbers; NaN where a cell is missing or no number."""
    if name not in table.schema.names:
        return np.full(table.num_rows, np.nan)
    column = table.column(name)
    if pa.types.is_string(column.type) or pa.types.is_list(column.type):
        return np.full(table.num_rows, np.nan)
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)


def _flags(table: Any, name: str) -> Flags:
    return truth(table.column(name))


def truth(column: Any) -> Flags:
    """A column of truth; false where it is missing."""
    return np.asarray(pc.fill_null(column, False).to_numpy(), bool)


def _microseconds(time: str) -> int:
    at = datetime.strptime(time, TIME_FORMAT).replace(tzinfo=timezone.utc)
    return int(at.timestamp() * 1e6)
