"""Reads CSV and Parquet as the curated schema says, in batches, and places bad rows exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.arrow_example_gen.cells import ARROW_TYPES, BadCell, Column, clean, has_usable_type
from components.arrow_example_gen.spans import read_bytes
from configs.errors import DataError, did_you_mean

OnBadRow = Literal["fail", "drop"]
# They bound memory whatever the size of a file: about 10 MB of serialized examples at a time.
BATCH_ROWS = 16_384
CSV_BLOCK_BYTES = 512 << 10  # Arrow reads up to 32 blocks ahead
PARQUET_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class Batch:
    """Good rows in the types of the schema; how many were read, and how many left out, for them."""

    rows: Any
    read: int
    dropped: int
    first_dropped: str = ""
    """Where and why, for the first row of the file that was left out."""


@dataclass
class _File:
    """One input file; `broken` has the CSV rows with too few or too many cells."""

    path: str
    on_bad_row: OnBadRow
    broken: list[Any] = field(default_factory=list)

    @property
    def is_csv(self) -> bool:
        return self.path.lower().endswith(".csv")

    def on_broken_row(self, row: Any) -> str:
        self.broken.append(row)
        return "skip" if self.on_bad_row == "drop" else "error"


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
      DataError: the file cannot be read, its columns are not those of the schema, or, with
        `fail`, a row is bad. The message names file, line (CSV) or row (Parquet, from 1), column
        and value.
    """
    file = _File(path, on_bad_row)
    start = reported = 0
    noted = False
    for raw in _raw_batches(file, columns):
        rows, bad = clean(raw, columns)
        if bad and on_bad_row == "fail":
            raise DataError(
                _describe(file, start + bad[0].row, bad[0]),
                edit=f"{path}, or data.on_bad_row: drop",
            )
        if bad:
            keep = np.ones(raw.num_rows, dtype=bool)
            keep[[cell.row for cell in bad]] = False
            rows = rows.filter(pa.array(keep))
        broken, reported = len(file.broken) - reported, len(file.broken)
        note = ""
        if not noted and (bad or broken):
            noted = True
            note = _describe(file, start + bad[0].row, bad[0]) if bad else _describe_broken(file)
        yield Batch(rows, raw.num_rows + broken, len(bad) + broken, note)
        start += raw.num_rows


def _raw_batches(file: _File, columns: Sequence[Column]) -> Iterator[Any]:
    """Record batches with the schema's columns in its order, CSV cells still as raw bytes."""
    batches = _csv_batches(file, columns) if file.is_csv else _parquet_batches(file, columns)
    kind = "CSV" if file.is_csv else "Parquet"
    try:
        yield from batches
    except (pa.ArrowException, OSError) as error:
        if file.broken:
            message = _describe_broken(file)
            edit = f"{file.path}, or data.on_bad_row: drop"
        else:
            message = f"{file.path} cannot be read as {kind}: {error}"
            edit = f"{file.path}: replace the file, or data.format"
        raise DataError(message, edit=edit) from error


def _csv_batches(file: _File, columns: Sequence[Column]) -> Iterator[Any]:
    parse = pa_csv.ParseOptions(invalid_row_handler=file.on_broken_row)
    # One thread, because only then a broken row knows its number.
    read = pa_csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK_BYTES)
    with _opened(file.path) as source:
        names = pa_csv.open_csv(
            source, read_options=read, parse_options=pa_csv.ParseOptions(invalid_row_handler=_skip)
        ).schema.names
    _check_names(file.path, names, columns)
    convert = pa_csv.ConvertOptions(
        column_types={column.name: pa.binary() for column in columns},
        include_columns=[column.name for column in columns],
        null_values=[""],
        strings_can_be_null=True,
    )
    empty = pa.RecordBatch.from_arrays(
        [pa.array([], pa.binary()) for _ in columns], [column.name for column in columns]
    )
    with _opened(file.path) as source:
        for block in pa_csv.open_csv(
            source, read_options=read, parse_options=parse, convert_options=convert
        ):
            for offset in range(0, block.num_rows, BATCH_ROWS):
                yield block.slice(offset, BATCH_ROWS)
    # Broken rows met after the last good one are counted with this batch.
    yield empty


def _parquet_batches(file: _File, columns: Sequence[Column]) -> Iterator[Any]:
    with _opened(file.path) as source:
        # A buffer makes Arrow stream a column of a row group instead of loading it whole.
        parquet = pq.ParquetFile(source, buffer_size=PARQUET_BUFFER_BYTES, pre_buffer=False)
        schema = parquet.schema_arrow
        _check_names(file.path, schema.names, columns)
        for column in columns:
            found = schema.field(column.name).type
            if not has_usable_type(found, column.kind):
                raise DataError(
                    f"{file.path}: column '{column.name}' has type {found}, expected {column.kind}",
                    edit=f"{file.path}, or the type in the curated schema",
                )
        names = [column.name for column in columns]
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=names):
            yield pa.RecordBatch.from_arrays(
                [batch.column(batch.schema.get_field_index(name)) for name in names], names
            )


def _opened(path: str) -> Any:
    if "://" not in path:
        return pa.OSFile(path)
    import tensorflow as tf

    return pa.PythonFile(tf.io.gfile.GFile(path, "rb"), mode="r")


def _skip(_row: Any) -> str:
    return "skip"


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


def _describe(file: _File, row: int, cell: BadCell) -> str:
    number = row + 2  # lines count from 1, and the first is the header
    for broken in sorted(b.number for b in file.broken if b.number is not None):
        number += broken <= number
    line = _physical_line(file.path, number) if file.is_csv else 0
    place = f"line {line}" if line else f"row {row + 1}"
    return (
        f"{file.path}, {place}, column '{cell.column}': got {cell.value}, expected {cell.expected}"
    )


def _describe_broken(file: _File) -> str:
    row = file.broken[0]
    line = _physical_line(file.path, row.number) if row.number else 0
    place = f", line {line}" if line else ""
    return (
        f"{file.path}{place}: got {row.actual_columns} cells, expected {row.expected_columns}: "
        f"{row.text[:120]!r}"
    )


def _physical_line(path: str, number: int) -> int:
    """The line of the `number`-th line that is not empty: Arrow does not count empty ones."""
    rest = b""
    line = seen = 0
    with _opened(path) as source:
        while block := source.read(CSV_BLOCK_BYTES):
            *lines, rest = (rest + bytes(block)).split(b"\n")
            for text in lines:
                line += 1
                seen += text not in (b"", b"\r")
                if seen == number:
                    return line
    return line + 1 if rest and seen + 1 == number else 0
