"""Removes a person's rows everywhere: Parquet, segments on their way there, rewards.

    tombstone -> every segment that was there has become Parquet without the rows -> Parquet files
    are written anew without them -> rewards of their requests

A gateway that runs sees the tombstone, closes its segment and says so. What a converter
began before the tombstone was there ends up in a file that is looked through afterwards.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from taxiway.errors import TaxiwayError
from taxiway.serving.decisions.erasure import tombstones
from taxiway.serving.decisions.erasure.tombstones import Erasing, Removed, Tombstone
from taxiway.serving.decisions.keys import Hasher
from taxiway.serving.decisions.layout import REWARDS, models, parts, remove_whole, spans
from taxiway.serving.decisions.parquet.convert import convert_all
from taxiway.serving.decisions.parquet.files import read_table, write_table
from taxiway.serving.decisions.parquet.tables import KEY, REQUEST_ID, TIME
from taxiway.serving.decisions.wal.folders import gateways, held, segments
from taxiway.serving.requests.columns import plain_text

_LOCK: Final = "_erasing"
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Erased:
    """What was removed.

    Args:
      digest: of the key, as the audit has it: its hash under the log's key.
      decisions: places, with rows and requests.
      rewards: places of their rewards.
    """

    digest: str
    decisions: list[Removed]
    rewards: list[Removed]

    def to_json(self) -> dict[str, Any]:
        """As plain values, without requests."""
        return {
            "digest": self.digest,
            "rows": sum(one.rows for one in self.decisions),
            "rewards": sum(one.rows for one in self.rewards),
            "places": [
                {"place": one.place, "rows": one.rows, "kind": kind}
                for kind, places in (("decisions", self.decisions), ("rewards", self.rewards))
                for one in places
            ],
        }


def digest_of(root: Path, value: str) -> str:
    """By which an audit can name a key without telling it."""
    return str(Hasher(root).value(value))


def erase(root: Path, key_column: str, value: str, wait_seconds: float) -> Erased:
    """Removes all rows of a key that were logged before now.

    A row is the key's where the request was, or where its cell in the column is it, in plain or as
    its hash.

    Args:
      root: of the log.
      key_column: `serving.log.key`.
      value: of the key.
      wait_seconds: for running gateways to put what they hold into files.

    Raises:
      TaxiwayError: a gateway did not do so in time; what it holds is removed when it does, but
        files were not looked through yet.
    """
    with held(root / _LOCK, wait=True):
        _remove_temporary(root)
        digest = digest_of(root, plain_text(value))
        now = time.time()
        stone = Tombstone(f"{int(now * 1e6):016d}-{os.urandom(4).hex()}", digest, int(now * 1e6))
        tombstones.add(root, stone)
        _wait_for_gateways(root, stone.id, wait_seconds)
        erasing = Erasing(root, [stone])
        decisions = tombstones.reports(root, stone.id)
        for path in _files(root):
            removed = _without_key(root, path, erasing, key_column)
            decisions += [removed] if removed.rows else []
        requests = {request for one in decisions for request in one.request_ids}
        rewards = [_rewards(root, path, requests, erasing) for path in _files(root, REWARDS)]
        return Erased(digest, decisions, [one for one in rewards if one.rows])


def _wait_for_gateways(root: Path, id_: str, wait_seconds: float) -> None:
    """Until all that gateways took before the tombstone has become Parquet under it."""
    deadline = time.monotonic() + wait_seconds
    left: list[tuple[Path, set[str] | None]] = [(folder, None) for folder in gateways(root)]
    while left:
        convert_all(root)  # of gateways that have ended, and what running ones have closed
        left = [found for folder, names in left if (found := _left(folder, names, id_))]
        if left and time.monotonic() >= deadline:
            names = ", ".join(folder.name for folder, _ in left)
            raise TaxiwayError(
                f"gateway {names} has not put away what it holds within {wait_seconds:g} s: it "
                "leaves the rows out when it does, but those in files are still there",
                edit="run `taxiway log erase` again, with a longer --wait",
            )
        if left:
            time.sleep(_LOOK_SECONDS)


def _left(folder: Path, names: set[str] | None, id_: str) -> tuple[Path, set[str] | None] | None:
    """What of a gateway is still to be waited for: its answer, then the segments it had then."""
    if not folder.is_dir():
        return None
    if names is None and tombstones.answered(folder, id_):
        names = {one.stem for one in segments(folder, also_open=False)}
    elif names is not None:
        names &= {one.stem for one in segments(folder, also_open=True)}
    return None if names is not None and not names else (folder, names)


def _files(root: Path, below: str = "") -> Iterator[Path]:
    for model in models(root):
        yield from parts(root / model / below)


def _without_key(root: Path, path: Path, erasing: Erasing, key_column: str) -> Removed:
    place = path.relative_to(root).as_posix()
    found = read_table(path, [KEY, TIME, REQUEST_ID, key_column])
    if found is None:
        return Removed(place, 0, [])
    times = found.column(TIME).cast(pa.int64()).to_pylist()
    gone = [False] * len(times)
    for name in {KEY, key_column} & set(found.schema.names):
        values = found.column(name).to_pylist()
        for row, (value, time_us) in enumerate(zip(values, times, strict=True)):
            gone[row] = gone[row] or erasing.stone_of(value, time_us) is not None
    return _rewritten(path, place, gone, found.column(REQUEST_ID))


def _rewards(root: Path, path: Path, requests: Collection[str], erasing: Erasing) -> Removed:
    """Removes rewards of requests that are removed, and those by the key."""
    place = path.relative_to(root).as_posix()
    found = read_table(path, [REQUEST_ID, TIME, KEY])
    if found is None:
        return Removed(place, 0, [])
    ids = found.column(REQUEST_ID)
    gone = pc.is_in(ids, value_set=pa.array(sorted(requests), pa.string())).to_pylist()
    if KEY in found.schema.names:  # older files have none
        times = found.column(TIME).cast(pa.int64()).to_pylist()
        keys = found.column(KEY).to_pylist()
        for row, (key, time_us) in enumerate(zip(keys, times, strict=True)):
            gone[row] = gone[row] or erasing.stone_of(key, time_us) is not None
    return _rewritten(path, place, gone, ids)


def _rewritten(path: Path, place: str, gone: list[bool], ids: Any) -> Removed:
    if not any(gone):
        return Removed(place, 0, [])
    table = read_table(path)
    if table is not None:
        write_table(path, table.filter(pa.array([not one for one in gone])))
    requests = sorted(set(ids.filter(pa.array(gone)).drop_null().to_pylist()))
    return Removed(place, sum(gone), requests)


def _remove_temporary(root: Path) -> None:
    """Copies that a killed one left half written; a converter's are made anew with their segment.

    One that is being written at this moment is made again, as its segment stays until it is.
    """
    for model in models(root):
        for folder in (root / model, root / model / REWARDS):
            for _, span in spans(folder):
                for path in span.glob(".*.tmp"):
                    if time.time() - path.stat().st_mtime > 3600:
                        remove_whole(path)
