"""Counts that a killed process leaves behind: a few numbers in a file mapped to memory."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

_SIZE: Final = 24
_COUNTS: Final = struct.Struct("<QQQ")


class Counters:
    """Numbers of one gateway process; the kernel keeps them when that is killed.

    accepted is the next sequence number: how many records were taken. dropped is how many of them
    were given up, told by this process itself; written how many are on disk.
    """

    def __init__(self, path: Path) -> None:
        with path.open("w+b") as file:
            file.truncate(_SIZE)
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._view = memoryview(self._map).cast("Q")

    def accepted(self, value: int) -> None:
        """Notes how many were taken."""
        self._view[0] = value

    def dropped(self, value: int) -> None:
        """Notes how many were given up."""
        self._view[1] = value

    def written(self, value: int) -> None:
        """Notes how many are on disk."""
        self._view[2] = value

    def close(self) -> None:
        """Puts them on disk, and lets go of the file."""
        self._map.flush()
        self._view.release()
        self._map.close()


def read_counters(path: Path) -> tuple[int, int, int]:
    """What a process has left, or has so far: accepted, dropped, written; zeros without a file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0, 0, 0
    return _COUNTS.unpack(content.ljust(_SIZE, b"\0")[:_SIZE])
