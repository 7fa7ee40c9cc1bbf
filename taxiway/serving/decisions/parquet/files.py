"""Parquet files of the log: whole or not there, and on disk before what they were made of goes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from taxiway.serving.decisions.layout import remove_whole, sync_folder


def write_table(path: Path, table: Any) -> None:
    """Writes a file, over one of the same name; without rows there is none.

    Raises:
      OSError: it cannot be written, and what was there still is.
    """
    if not table.num_rows:
        remove_whole(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
        sync_folder(folder)


def read_table(path: Path, columns: Sequence[str] | None = None) -> Any:
    """A file's rows; of the wanted columns those that it has. None where it has gone since."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        parquet = pq.ParquetFile(file)
        names = parquet.schema_arrow.names
        wanted = None if columns is None else [name for name in columns if name in names]
        return parquet.read(columns=wanted, use_threads=False)
    return None


def rows_of(path: Path) -> int:
    """How many rows a file has; 0 where it has gone since."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        return int(pq.read_metadata(file).num_rows)
    return 0
