"""Counts rows whose key another row has too, however many rows there are.

Each part of the input writes the hashes of its keys to a file, in sorted runs. The runs are then
gone through a range of hashes at a time, all together: memory holds one range of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from taxiway.arrow.ingest.writing import write_errors

RUN_ROWS: Final = 1 << 20
RANGES: Final = 64
HASH_BYTES: Final = 8
ROWS_AT_A_TIME: Final = 4 << 20


@dataclass(frozen=True)
class KeyFile:
    """Where the hashes of a part are."""

    path: str
    runs: list[list[int]] = field(default_factory=list)
    """Of each run: where its ranges begin in the file, in hashes, and where the last ends."""


class KeyWriter:
    """Writes the hashes of one part to a file, and knows how to read them again."""

    def __init__(self, path: str) -> None:
        self.file = KeyFile(path)
        self._waiting: list[Any] = []
        self._rows = self._written = 0
        self._out: Any = None

    def add(self, hashes: Any) -> None:
        """Takes the hashes of some rows."""
        self._waiting.append(hashes)
        self._rows += len(hashes)
        if self._rows >= RUN_ROWS:
            self._flush()

    def close(self) -> KeyFile:
        """What was written, all of it."""
        self._flush()
        if self._out is not None:
            with write_errors(self.file.path):
                self._out.close()
        return self.file

    def _flush(self) -> None:
        if not self._rows:
            return
        import tensorflow as tf

        run = np.sort(np.concatenate(self._waiting).astype("<u8"))
        edges = np.arange(RANGES, dtype=np.uint64) * np.uint64(2**64 // RANGES)
        begins = np.searchsorted(run, edges) + self._written
        self.file.runs.append([*map(int, begins), self._written + len(run)])
        with write_errors(self.file.path):
            if self._out is None:
                self._out = tf.io.gfile.GFile(self.file.path, "wb")
            self._out.write(run.tobytes())
        self._written += len(run)
        self._waiting, self._rows = [], 0


@dataclass(frozen=True)
class Duplicates:
    """Rows whose key an earlier row has."""

    rows: int = 0
    hash: int = 0
    """Of one of their keys."""


def count_duplicates(files: Sequence[KeyFile]) -> Duplicates:
    """Rows whose key's hash another row has, but for one of each.

    Raises:
      DataError: a file cannot be read.
    """
    rows = found = 0
    for first, last in _spans_of_ranges(files):
        hashes = np.sort(np.concatenate([_read(file, first, last) for file in files]))
        again = hashes[1:][hashes[1:] == hashes[:-1]]
        if len(again):
            rows, found = rows + len(again), found or int(again[0])
    return Duplicates(rows, found)


def _spans_of_ranges(files: Sequence[KeyFile]) -> list[tuple[int, int]]:
    """Ranges, as few parts of them as fit into memory; hashes are spread evenly over them."""
    rows = sum(run[-1] - run[0] for file in files for run in file.runs)
    if not rows:
        return []
    each = max(1, min(RANGES, RANGES * ROWS_AT_A_TIME // rows))
    return [(first, min(first + each, RANGES)) for first in range(0, RANGES, each)]


def _read(file: KeyFile, first: int, last: int) -> Any:
    """The hashes of ranges [first, last)."""
    import tensorflow as tf

    parts = [b""]
    if file.runs:
        with write_errors(file.path), tf.io.gfile.GFile(file.path, "rb") as source:
            for run in file.runs:
                source.seek(run[first] * HASH_BYTES)
                parts.append(source.read((run[last] - run[first]) * HASH_BYTES))
    return np.frombuffer(b"".join(parts), "<u8")
