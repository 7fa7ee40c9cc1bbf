"""Segments to Parquet files, each exactly once, whenever whoever does it is killed.

    files of the segment -> the gateway's account -> the segment is removed

Each step is on disk before the next. A file's name follows from the segment, so that doing it again
writes the same file; and a segment that the account has is only removed.
"""

from __future__ import annotations

import logging
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import orjson

from taxiway.serving.decisions.erasure import tombstones
from taxiway.serving.decisions.erasure.tombstones import Erasing, Removed
from taxiway.serving.decisions.layout import WAL, part, remove_whole, span_of, sync_folder
from taxiway.serving.decisions.parquet.files import write_table
from taxiway.serving.decisions.parquet.tables import decisions_table, rewards_table
from taxiway.serving.decisions.record import DECISION, REWARD, Decision, read_record
from taxiway.serving.decisions.upkeep.account import (
    Account,
    closed_account,
    read_account,
    write_account,
)
from taxiway.serving.decisions.wal.folders import (
    CONVERTING,
    LOCK,
    gateways,
    held,
    remove_half_made,
    segments,
)
from taxiway.serving.decisions.wal.frames import Frames, read_frames

_LOG: Final = logging.getLogger("taxiway.decisions")


def convert_all(root: Path) -> list[Account]:
    """Converts the closed segments of every gateway, and all of those that have ended.

    Returns:
      Final accounts of the gateways that ended since the last time.

    Raises:
      OSError: the disk takes nothing; what is not converted stays as it is.
    """
    ended = []
    for folder in gateways(root):
        with held(folder / LOCK, wait=False) as lock:
            account = convert_gateway(root, folder, has_ended=lock is not None)
        if account is not None:
            ended.append(account)
    remove_half_made(root)
    return ended


def convert_gateway(root: Path, folder: Path, *, has_ended: bool) -> Account | None:
    """Converts the segments of one gateway, as long as no other process does.

    Args:
      root: of the log.
      folder: of the gateway.
      has_ended: whether the gateway writes no more, and who calls holds its lock.

    Returns:
      The final account of one that has ended.
    """
    with held(folder / CONVERTING, wait=has_ended) as lock:
        if lock is None or not folder.is_dir():
            return None
        for segment in segments(folder, also_open=has_ended):
            _convert(root, folder, segment)
        if not has_ended:
            return None
        account = closed_account(root, folder)
        gone = folder.with_name(f".{folder.name}")  # half of it would tell other counts
        folder.rename(gone)
        sync_folder(root / WAL)
        shutil.rmtree(gone, ignore_errors=True)
        return account


def _convert(root: Path, folder: Path, segment: Path) -> None:
    account = read_account(folder)
    found = read_frames(segment.read_bytes())
    first = int(segment.stem)
    if found.records and found.records[0][0] < account.through:  # killed before it was removed
        remove_whole(segment)
        return
    rows = _write_files(root, folder.name, first, found)
    if found.torn:
        _LOG.warning("decision log: %s ends with %d bytes of no record", segment, found.torn)
    sequences = (sequence for sequence, _ in found.records)
    write_account(folder, account.with_segment(sequences, rows, found.torn))
    remove_whole(segment)


def _write_files(root: Path, gateway: str, first: int, found: Frames) -> int:
    """Writes a file for each model, kind and day; gives the rows that the records had."""
    key, types = _note(found.notes)
    groups: dict[tuple[str, str, int], list[Any]] = defaultdict(list)
    rows = 0
    for sequence, body in found.records:
        record = read_record(sequence, body)
        kind = DECISION if isinstance(record, Decision) else REWARD
        rows += record.rows if isinstance(record, Decision) else 1
        groups[record.model, kind, span_of(record.time_us)].append(record)
    erasing = Erasing(root, tombstones.read_all(root))
    removed: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for (model, kind, span), records in groups.items():
        path = part(root, model, kind, span, gateway, first)
        if kind == REWARD:
            write_table(path, rewards_table(records, gateway))
            continue
        keep = []
        for one in records:
            gone = erasing.split(one, key)
            for stone, numbers in gone.items():
                removed[stone].append((one.request_id, len(numbers)))
            out = {row for numbers in gone.values() for row in numbers}
            keep.append([row for row in range(one.rows) if row not in out])
        write_table(path, decisions_table(records, gateway, types.get(model, {}), keep))
    for stone, requests in removed.items():
        told = Removed(
            f"{WAL}/{gateway}/{first:016d}",
            sum(number for _, number in requests),
            sorted({request_id for request_id, _ in requests}),
        )
        tombstones.report(root, stone, f"{gateway}-{first:016d}", told)
    return rows


def _note(notes: list[bytes]) -> tuple[str, dict[str, dict[str, str]]]:
    """What a segment says of itself; its last word counts."""
    if not notes:
        return "", {}
    note = orjson.loads(notes[-1])
    return note["key"], note["types"]
