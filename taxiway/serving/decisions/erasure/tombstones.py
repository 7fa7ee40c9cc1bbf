"""What was asked to be removed: a file that whoever makes Parquet honours, without whose it is.

An erasure is a folder with the hash of the key and the time up to which rows go. Segments that
become Parquet after it lose these rows on the way, whichever process converts them, and a report
beside it says how many.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from taxiway.serving.decisions.keys import Hasher
from taxiway.serving.decisions.layout import ERASURES, sync_folder, write_whole
from taxiway.serving.decisions.record import Decision

_TOMBSTONE: Final = "tombstone.json"
_ANSWERED: Final = "erasures.json"


@dataclass(frozen=True)
class Tombstone:
    """Rows of a key up to a time, in microseconds since 1970, are to be removed."""

    id: str
    digest: str
    time_us: int


@dataclass(frozen=True)
class Removed:
    """Rows that were removed from a place, and the requests that they were of."""

    place: str
    rows: int
    request_ids: list[str]


def erasures(root: Path) -> frozenset[str]:
    """Ids of those that were asked for and are still honoured."""
    folder = root / ERASURES
    return frozenset(one.name for one in folder.iterdir()) if folder.is_dir() else frozenset()


def add(root: Path, stone: Tombstone) -> None:
    """Writes a tombstone; on disk when this returns."""
    folder = root / ERASURES / stone.id
    folder.mkdir(parents=True, mode=0o700)
    content = {"digest": stone.digest, "time_us": stone.time_us}
    write_whole(folder / _TOMBSTONE, orjson.dumps(content))
    sync_folder(folder.parent)


def answer(gateway: Path, ids: frozenset[str]) -> None:
    """Says, for a gateway, that its closed segments have all that it took before these."""
    write_whole(gateway / _ANSWERED, orjson.dumps(sorted(ids)))


def answered(gateway: Path, id_: str) -> bool:
    """Whether a gateway has said so of an erasure."""
    try:
        return id_ in orjson.loads((gateway / _ANSWERED).read_bytes())
    except FileNotFoundError:
        return False


def read_all(root: Path) -> list[Tombstone]:
    """Tombstones that are honoured."""
    found = []
    for id_ in sorted(erasures(root)):
        path = root / ERASURES / id_ / _TOMBSTONE
        if path.is_file():  # else it is being written: it concerns what comes later
            found.append(Tombstone(id_, **orjson.loads(path.read_bytes())))
    return found


def remove(root: Path, id_: str) -> None:
    """Removes a tombstone that concerns nothing any more."""
    shutil.rmtree(root / ERASURES / id_, ignore_errors=True)


def report(root: Path, id_: str, name: str, removed: Removed) -> None:
    """Says what a converter has left out; the same again where it does so again."""
    folder = root / ERASURES / id_
    if folder.is_dir():
        content = {"place": removed.place, "rows": removed.rows, "ids": removed.request_ids}
        write_whole(folder / f"removed-{name}.json", orjson.dumps(content))


def reports(root: Path, id_: str) -> list[Removed]:
    """What converters have left out for a tombstone."""
    paths = sorted((root / ERASURES / id_).glob("removed-*.json"))
    found = [orjson.loads(path.read_bytes()) for path in paths]
    return [Removed(one["place"], one["rows"], one["ids"]) for one in found]


class Erasing:
    """Tells which rows of decisions are to go, by a log's tombstones."""

    def __init__(self, root: Path, stones: Sequence[Tombstone]) -> None:
        self._by_digest: dict[str, list[Tombstone]] = {}
        for stone in stones:
            self._by_digest.setdefault(stone.digest, []).append(stone)
        self._hasher = Hasher(root)

    def stone_of(self, value: Any, time_us: int) -> Tombstone | None:
        """The tombstone that a key of a row falls under, in plain or as its hash."""
        if value is None:
            return None
        for digest in (value, self._hasher.value(value)):
            for stone in self._by_digest.get(digest, ()) if isinstance(digest, str) else ():
                if time_us <= stone.time_us:
                    return stone
        return None

    def split(self, decision: Decision, key_column: str) -> dict[str, list[int]]:
        """Rows of a decision that go, by the id of their tombstone."""
        if not self._by_digest:
            return {}
        asked_by = self.stone_of(decision.key, decision.time_us)
        if asked_by is not None:
            return {asked_by.id: list(range(decision.rows))}
        found: dict[str, list[int]] = {}
        for row, value in enumerate((decision.columns or {}).get(key_column, ())):
            stone = self.stone_of(value, decision.time_us)
            if stone is not None:
                found.setdefault(stone.id, []).append(row)
        return found
