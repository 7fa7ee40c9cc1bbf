"""Parquet files, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa
import tensorflow as tf
from pyarrow.parquet import ParquetWriter, read_metadata

from taxiway.errors import DataError


class ParquetFile:
    """Writes under another name until all is well: two attempts at one file cannot mix."""

    def __init__(self, path: str) -> None:
        self._path = path
        folder, _, name = path.rpartition("/")
        # Beside the folder: a killed attempt must not look like a shard to whoever lists it.
        self._attempt = f"{folder.rpartition('/')[0]}/.{name}.{os.urandom(4).hex()}"
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> ParquetFile:
        return self

    def write(self, columns: Mapping[str, Any]) -> None:
        """Appends rows; every call has the same columns.

        Raises:
          DataError: the file cannot be written.
        """
        table = pa.table(dict(columns))
        try:
            if self._writer is None:
                self._file = _opened(self._attempt, "wb")
                self._writer = ParquetWriter(self._file, table.schema)
            self._writer.write_table(table)
        except (tf.errors.OpError, OSError) as error:
            raise self._failed(error) from error

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
                self._file.close()
                if kind is None:
                    tf.io.gfile.rename(self._attempt, self._path, overwrite=True)
        except (tf.errors.OpError, OSError) as error:
            if kind is None:
                raise self._failed(error) from error
        finally:
            with suppress(tf.errors.OpError):
                if tf.io.gfile.exists(self._attempt):
                    tf.io.gfile.remove(self._attempt)

    def _failed(self, error: Exception) -> DataError:
        reason = error.message if isinstance(error, tf.errors.OpError) else str(error)
        return DataError(f"{self._path} cannot be written: {reason}", edit="output.root")


def rows_of(path: str) -> int:
    """The number of rows, as the file's own footer has it."""
    with _opened(path, "rb") as file:
        return int(read_metadata(file).num_rows)


def _opened(path: str, mode: str) -> Any:
    """A file of any of TensorFlow's file systems, with the one attribute that Arrow misses."""
    file = tf.io.gfile.GFile(path, mode)
    file.closed = False
    return file
