"""Rows on disk, in files that are each a random sample of all rows and small enough for memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from configs.errors import DataError

Array = npt.NDArray[Any]
BUCKET_BYTES: Final = 4 << 20
"""Of gzipped examples, for each bucket that rows are dealt to when they are read."""
MAX_BUCKETS: Final = 256
"""Files that are open at once."""
PREFIX: Final = ".taxiway-rows-"


def bucket_count(files: Sequence[str]) -> int:
    """Buckets to begin with: as many as are small enough for memory where rows are narrow."""
    size = sum(tf.io.gfile.stat(file).length for file in files)
    return int(min(MAX_BUCKETS, max(1, -(-size // BUCKET_BYTES))))


@contextmanager
def row_folder(output: str) -> Iterator[Path]:
    """A folder that is gone afterwards, for rows as long as a model learns from them.

    It is within the output that the rows are for, since there is room for large data, while the
    default temporary folder may be memory, and since what a killed process leaves of an output is
    removed. For an output in a bucket it is in the default temporary folder, which TMPDIR sets.

    Raises:
      DataError: there can be no such folder.
    """
    in_bucket = "://" in output
    with ExitStack() as stack:
        with _told(Path(tempfile.gettempdir() if in_bucket else output)):
            if not in_bucket:
                Path(output).mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(prefix=PREFIX, dir=None if in_bucket else output)
            stack.enter_context(folder)
        yield Path(folder.name)


class Files:
    """Files that are written to side by side.

    Raises:
      DataError: on entry, writing and exit: the disk is full, or cannot be written to.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._stack = ExitStack()
        self._files: list[Any] = []

    def __enter__(self) -> Files:
        with ExitStack() as stack:
            for path in self._paths:
                with _told(path):
                    self._files.append(stack.enter_context(path.open("wb")))
            self._stack = stack.pop_all()
        return self

    def write(self, number: int, rows: Array) -> None:
        """Appends packed rows to a file; numpy's `tofile` would not tell all that goes wrong."""
        with _told(self._paths[number]):
            self._files[number].write(rows.view(np.uint8))

    def deal(self, rows: Array, random: np.random.Generator, count: int) -> None:
        """Appends each row to a random one of the first `count` files."""
        place = random.integers(count, size=len(rows))
        order = np.argsort(place, kind="stable")
        bounds = np.searchsorted(place[order], np.arange(count + 1))
        for number in range(count):
            self.write(number, rows[order[bounds[number] : bounds[number + 1]]])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            with _told(self._paths[0]):
                self._stack.close()
        except DataError:
            if error is None:  # else it is a full disk that was told already
                raise


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """An error of the file system as one that says what to do."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(
            f"rows to learn from cannot be kept in {place}: {reason}",
            edit=f"what fills the disk of {place}, or output.root (TMPDIR where that is a bucket)",
        ) from error
