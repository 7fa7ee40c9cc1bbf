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

from taxiway.errors import DataError

Array = npt.NDArray[Any]
BUCKET_BYTES: Final = 4 << 20
"""Of gzipped examples, for each bucket that rows are dealt to when they are read."""
LARGEST_BYTES: Final = 32 << 20
"""Of packed rows in a bucket; one with more is dealt out once more. The flights' have less than
half of it, but how far rows grow by one-hot encoding and without compression is only known when
all are there: 1,000 words make 4 KB of a row."""
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
        """Appends packed rows to a file; numpy's `tofile` would not report all that goes wrong."""
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
            if error is None:  # else it is a full disk that was reported already
                raise


def split(path: Path, dtype: Any, random: np.random.Generator) -> list[Path]:
    """The bucket itself or, where it is too large, those that take its place.

    Dealing a random sample out at random gives random samples again.

    Args:
      path: a file of packed rows.
      dtype: of a row.
      random: decides where each row goes.

    Raises:
      DataError: see `Files`.
    """
    size = path.stat().st_size
    if size <= max(LARGEST_BYTES, dtype.itemsize):
        return [path]
    # Twice as many as would do, or every other one would be a little too large.
    count = min(MAX_BUCKETS, -(-2 * size // LARGEST_BYTES))
    parts = [path.with_name(f"{path.name}-{number}") for number in range(count)]
    with Files(parts) as files, path.open("rb") as file:
        while len(rows := np.fromfile(file, dtype, max(1, LARGEST_BYTES // dtype.itemsize))):
            files.deal(rows, random, count)
    path.unlink()
    return [each for part in parts for each in split(part, dtype, random)]


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
