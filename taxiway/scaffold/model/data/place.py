"""Brings the data to where the pipeline looks for it: as it is, or as a copy that it can read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from taxiway.scaffold.model.columns.arrays import Convert, readable
from taxiway.scaffold.model.data.files import Format
from taxiway.scaffold.model.data.table import Data


@dataclass(frozen=True)
class Placed:
    """Where the data is, as the config has it."""

    root: Path | None
    """None for the usual place, `<output.root>/data/<dataset>`."""
    format: Format
    files: tuple[Path, ...]
    is_rewritten: bool = False


@dataclass(frozen=True)
class Rewrite:
    """What differs in a copy: columns that are left out, and those that are written anew."""

    dropped: tuple[str, ...]
    converted: Mapping[str, Convert]
    types: Mapping[str, Any]
    """Arrow's, for every column that is kept; None where that stays as it is."""
    null_words: tuple[str, ...]


def place(data: Data, folder: Path, stem: str, rewrite: Rewrite | None) -> Placed:
    """Copies the files below a folder, one span-N each span; spans that are laid out stay.

    Args:
      data: what was read.
      folder: of the data set; made where it is needed.
      stem: of the copies' names, where a span has one file.
      rewrite: how the copies differ; None where they do not.
    """
    given = data.given
    if rewrite is None and given.is_laid_out:
        return Placed(given.place.resolve(), given.format, tuple(file.path for file in given.files))
    format_: Format = "parquet" if rewrite else given.format
    written: list[Path] = []
    for part in data.parts:
        alone = sum(file.span == part.file.span for file in given.files) == 1
        name = stem if alone else part.file.path.name.split(".")[0]
        target = folder / f"span-{part.file.span}" / f"{name}.{format_}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if rewrite is None:
            shutil.copyfile(part.file.path, target)
        else:
            pq.write_table(rewritten(part.rows, rewrite), target)
        written.append(target)
    return Placed(None, format_, tuple(written), rewrite is not None)


def rewritten(rows: Any, rewrite: Rewrite) -> Any:
    """A table that the pipeline reads."""
    names = [name for name in rows.schema.names if name not in rewrite.dropped]
    columns = [
        readable(
            rows.column(name).combine_chunks(),
            rewrite.converted.get(name),
            rewrite.null_words,
            rewrite.types[name],
        )
        for name in names
    ]
    return pa.table(columns, names=names)


def clash(folder: Path) -> Sequence[Path]:
    """Files that are in the way below a data set's folder."""
    return sorted(folder.glob("span-*/*")) if folder.is_dir() else []
