"""What gateways have put on disk and is no Parquet yet, as the tables that it will be."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import orjson

from taxiway.serving.decisions.erasure import tombstones
from taxiway.serving.decisions.erasure.tombstones import Erasing
from taxiway.serving.decisions.layout import REWARDS, parts
from taxiway.serving.decisions.parquet.files import read_table
from taxiway.serving.decisions.parquet.tables import (
    GATEWAY,
    SEQUENCE,
    decisions_table,
    one_table,
    rewards_table,
)
from taxiway.serving.decisions.record import Decision, Reward, read_record
from taxiway.serving.decisions.wal.folders import gateways, segments
from taxiway.serving.decisions.wal.frames import read_frames


def read_all(
    root: Path, model: str, first_span: int = 0, columns: list[str] | None = None
) -> tuple[Any, Any]:
    """Decisions and rewards of a model that are on disk, converted or not.

    Segments are read first: one that becomes Parquet meanwhile is then in both, and what is in both
    is taken once, by its gateway and sequence number. So nothing is missed.

    Args:
      root: of the log, to which all gateways write.
      model: name.
      first_span: days before it are left out of Parquet.
      columns: of decisions that are wanted; None for all.

    Returns:
      Two tables, each None where there are no rows.
    """
    decided, rewarded = _of_segments(root, model)
    wanted = None if columns is None else [*columns, GATEWAY, SEQUENCE]
    of_decisions = [_within(table, wanted) for table in decided]
    return (
        _together(_files(root / model, first_span, wanted), of_decisions),
        _together(_files(root / model / REWARDS, first_span, None), rewarded),
    )


def _of_segments(root: Path, model: str) -> tuple[list[Any], list[Any]]:
    erasing = Erasing(root, tombstones.read_all(root))
    decided: list[Any] = []
    rewarded: list[Any] = []
    for folder in gateways(root):
        for segment in segments(folder, also_open=True):
            with contextlib.suppress(FileNotFoundError):
                one, other = _of_segment(segment, model, erasing)
                decided += one
                rewarded += other
    return decided, rewarded


def _of_segment(path: Path, model: str, erasing: Erasing) -> tuple[list[Any], list[Any]]:
    found = read_frames(path.read_bytes())
    nothing: dict[str, Any] = {"key": "", "types": {}}
    note = orjson.loads(found.notes[-1]) if found.notes else nothing
    records = [read_record(sequence, body) for sequence, body in found.records]
    decisions = [one for one in records if isinstance(one, Decision) and one.model == model]
    rewards = [
        one
        for one in records
        if isinstance(one, Reward)
        and one.model == model
        and erasing.stone_of(one.key or None, one.time_us) is None
    ]
    keep = []
    for decision in decisions:
        gone = erasing.split(decision, note["key"])
        out = {row for rows in gone.values() for row in rows}
        keep.append([row for row in range(decision.rows) if row not in out])
    gateway, types = path.parent.name, note["types"].get(model, {})
    return (
        [decisions_table(decisions, gateway, types, keep)] if decisions else [],
        [rewards_table(rewards, gateway)] if rewards else [],
    )


def _files(folder: Path, first_span: int, columns: list[str] | None) -> list[Any]:
    paths = (path for path in parts(folder) if _span(path) >= first_span)
    return [table for path in paths if (table := read_table(path, columns)) is not None]


def _span(path: Path) -> int:
    return int(path.parent.name.rpartition("-")[2])


def _within(table: Any, columns: list[str] | None) -> Any:
    if columns is None:
        return table
    return table.select([name for name in columns if name in table.schema.names])


def _together(files: list[Any], waiting: list[Any]) -> Any:
    """One table, in which nothing of a segment that has become a file since is twice."""
    if waiting:
        held = {one for table in waiting for one in table.column(GATEWAY).unique().to_pylist()}
        known = {
            pair
            for table in files
            for pair in zip(
                table.column(GATEWAY).to_pylist(), table.column(SEQUENCE).to_pylist(), strict=True
            )
            if pair[0] in held
        }
        waiting = [_without(table, known) for table in waiting]
    tables = [table for table in (*files, *waiting) if table.num_rows]
    return one_table(tables) if tables else None


def _without(table: Any, known: set[tuple[str, int]]) -> Any:
    import pyarrow as pa

    pairs = zip(table.column(GATEWAY).to_pylist(), table.column(SEQUENCE).to_pylist(), strict=True)
    return table.filter(pa.array([pair not in known for pair in pairs], pa.bool_()))
