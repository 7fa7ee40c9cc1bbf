"""The segment that is written to: whole batches, or none of a batch."""

from __future__ import annotations

import os
import time
from pathlib import Path

from taxiway.serving.decisions.layout import sync_folder
from taxiway.serving.decisions.wal.folders import CLOSED, OPEN
from taxiway.serving.decisions.wal.frames import NOT_COUNTED, frame


class Segment:
    """An append-only file; its name begins with the first sequence number in it.

    Args:
      folder: of the gateway.
      first: sequence number of the first record that it will have.
      note: what it says of itself, as its first frame.

    Raises:
      OSError: it cannot be made.
    """

    def __init__(self, folder: Path, first: int, note: bytes) -> None:
        self._path = folder / f"{first:016d}{OPEN}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._size = 0
        self.rows = 0
        self.born = time.monotonic()
        try:
            self.write(frame(NOT_COUNTED, note), 0)
            sync_folder(folder)
        except OSError:
            os.close(self._file)
            self._path.unlink(missing_ok=True)
            raise

    def write(self, content: bytes, rows: int) -> None:
        """Appends a batch, on disk when this returns.

        Raises:
          OSError: nothing of it is in the segment.
        """
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self._file, left) :]
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        self._size += len(content)
        self.rows += rows

    def close(self) -> None:
        """Makes it one that is to become Parquet."""
        os.close(self._file)
        self._path.rename(self._path.with_suffix(CLOSED))
        sync_folder(self._path.parent)
