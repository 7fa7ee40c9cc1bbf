"""Reads CSV and Parquet as the curated schema says, in batches, and places bad rows exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from taxiway.arrow.ingest.cells import ARROW_TYPES, BadCell, Column, clean, has_usable_type
from taxiway.arrow.ingest.csv_lines import Block, CsvLines
from taxiway.arrow.ingest.spans import opened, read_bytes
from taxiway.errors import DataError, did_you_mean

OnBadRow = Literal["fail", "drop"]
# They bound memory whatever the size of a file: about 10 MB of serialized examples at a time.
BATCH_ROWS = 16_384
PARQUET_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class Batch:
    """Good rows in the types of the schema; how many were read, and how many left out, for them."""

    rows: Any
    read: int
    dropped: int
    first_dropped: str = ""
    """Where and why, for the first row of the file that was left out."""


@dataclass(frozen=True)
class _Raw:
    """Rows with the schema's columns in its order, CSV cells still as raw bytes."""

    rows: Any
    place: Callable[[int], str]
    """Where in the file one of the rows, from 0, is."""
    broken: int = 0
    """CSV rows with too few or too many cells, beside those."""
    describe_broken: Callable[[], str] = str


def read_columns(schema_file: str, key: str, label: str) -> tuple[Column, ...]:
    """The columns of a curated schema; key and label are required whatever it says of them.

    Raises:
      DataError: the schema cannot be read, or does not know key or label.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        schema = text_format.Parse(read_bytes(schema_file).decode(), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise DataError(f"{schema_file} is no TFMD schema: {error}", edit=schema_file) from error
    columns = {}
    for feature in schema.feature:
        kind = schema_pb2.FeatureType.Name(feature.type)
        if kind not in ARROW_TYPES:
            raise DataError(
                f"{schema_file}: column '{feature.name}' has type {kind}, expected one of "
                f"{', '.join(ARROW_TYPES)}",
                edit=schema_file,
            )
        bounded = feature.name == label and feature.HasField("int_domain")
        columns[feature.name] = Column(
            name=feature.name,
            kind=kind,
            required=feature.presence.min_fraction >= 1.0 or feature.name in (key, label),
            low=feature.int_domain.min if bounded else None,
            high=feature.int_domain.max if bounded else None,
        )
    for role, name, kind in (("key", key, "BYTES"), ("label", label, "INT")):
        if name not in columns or columns[name].kind != kind:
            raise DataError(
                f"{schema_file}: the {role} '{name}' must be a feature of type {kind}"
                f"{did_you_mean(name, set(columns) - {name})}",
                edit=f"{schema_file}, or {role} in the model's FeatureSpec",
            )
    return tuple(columns.values())


def read_rows(path: str, columns: Sequence[Column], on_bad_row: OnBadRow) -> Iterator[Batch]:
    """Yields a file's rows in order; memory does not grow with the file.

    Missing is an empty cell, a null, an empty text, or NaN in a float column: all become null.

    Raises:
      DataError: the file cannot be read, its columns are not those of the schema, a CSV cell does
        not end on its line, or, with `fail`, a row is bad. The message names file, line (CSV) or
        row (Parquet, from 1), column and value.
    """
    noted = False
    for raw in _raw_batches(path, columns):
        rows, bad = clean(raw.rows, columns)
        if on_bad_row == "fail" and (bad or raw.broken):
            edit = f"{path}, or data.on_bad_row: drop"
            raise DataError(f"{path}, {_describe(raw, bad)}", edit=edit)
        if bad:
            keep = np.ones(raw.rows.num_rows, dtype=bool)
            keep[[cell.row for cell in bad]] = False
            rows = rows.filter(pa.array(keep))
        note = ""
        if not noted and (bad or raw.broken):
            noted = True
            note = f"{path}, {_describe(raw, bad)}"
        yield Batch(rows, raw.rows.num_rows + raw.broken, len(bad) + raw.broken, note)


def _raw_batches(path: str, columns: Sequence[Column]) -> Iterator[_Raw]:
    is_csv = path.lower().endswith(".csv")
    try:
        yield from _csv_batches(path, columns) if is_csv else _parquet_batches(path, columns)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} cannot be read as {'CSV' if is_csv else 'Parquet'}: {error}",
            edit=f"{path}: replace the file, or data.format",
        ) from error


def _csv_batches(path: str, columns: Sequence[Column]) -> Iterator[_Raw]:
    file = CsvLines(path)
    _check_names(path, file.names, columns)
    for block in file.blocks([column.name for column in columns]):
        broken = len(block.broken)
        for start in range(0, max(block.rows.num_rows, 1), BATCH_ROWS):
            rows = block.rows.slice(start, BATCH_ROWS)
            yield _Raw(rows, partial(_csv_place, block, start), broken, block.describe_broken)
            broken = 0


def _csv_place(block: Block, start: int, row: int) -> str:
    return f"line {block.line_of_row(start + row)}"


def _parquet_batches(path: str, columns: Sequence[Column]) -> Iterator[_Raw]:
    start = 0
    with opened(path) as source:
        # A buffer makes Arrow stream a column of a row group instead of loading it whole.
        parquet = pq.ParquetFile(source, buffer_size=PARQUET_BUFFER_BYTES, pre_buffer=False)
        schema = parquet.schema_arrow
        _check_names(path, schema.names, columns)
        for column in columns:
            found = schema.field(column.name).type
            if not has_usable_type(found, column.kind):
                raise DataError(
                    f"{path}: column '{column.name}' has type {found}, expected {column.kind}",
                    edit=f"{path}, or the type in the curated schema",
                )
        names = [column.name for column in columns]
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=names):
            rows = pa.RecordBatch.from_arrays(
                [batch.column(batch.schema.get_field_index(name)) for name in names], names
            )
            yield _Raw(rows, partial(_parquet_place, start))
            start += rows.num_rows


def _parquet_place(start: int, row: int) -> str:
    return f"row {start + row + 1}"


def _check_names(path: str, names: Sequence[str], columns: Sequence[Column]) -> None:
    expected = [column.name for column in columns]
    twice = sorted({name for name in names if list(names).count(name) > 1})
    missing = [name for name in expected if name not in names]
    extra = [name for name in names if name not in expected]
    problems = [f"column '{name}' appears more than once" for name in twice]
    for name in extra:
        problems.append(f"column '{name}' is not in the schema{did_you_mean(name, missing)}")
    for name in missing:
        problems.append(f"column '{name}' is missing")
    if problems:
        raise DataError(
            f"{path}: {'; '.join(problems)}",
            edit=f"{path}, or the curated schema (data.schema_file)",
        )


def _describe(raw: _Raw, bad: Sequence[BadCell]) -> str:
    if not bad:
        return raw.describe_broken()
    cell = bad[0]
    return (
        f"{raw.place(cell.row)}, column '{cell.column}': got {cell.value}, expected {cell.expected}"
    )
