"""Reads CSV and Parquet as the curated schema says, in batches, and places bad rows exactly."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Any, Final, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from taxiway.arrow.ingest.cells import ARROW_TYPES, BadCell, Column, Kind, clean, has_usable_type
from taxiway.arrow.ingest.csv_lines import Block, CsvLines
from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.ingest.spans import opened
from taxiway.errors import DataError, did_you_mean
from taxiway.modeling.spec.schema import feature_kinds, read_schema

if sys.version_info < (3, 11):
    # Before pyarrow 14.0.1 a column of a Python type runs what its file says (CVE-2023-47248), and
    # tfx-bsl 1.16 keeps pyarrow below 11. Beam imports this too, but need not have been imported.
    import pyarrow_hotfix  # noqa: F401  # its import is what it does

Format = Literal["parquet", "csv"]
OnBadRow = Literal["fail", "drop"]
# They bound memory whatever the size of a file: about 10 MB of serialized examples at a time.
BATCH_ROWS = 16_384
PARQUET_BUFFER_BYTES = 1 << 20


SUFFIXES: Final[Mapping[str, Format]] = {".csv": "csv", ".parquet": "parquet"}
OTHER_DELIMITERS: Final = (";", "\t", "|", ",", "\x01")
SHOWN_NAMES: Final = 5
"""Columns of each kind that a message names."""
SHOWN: Final = 80
REASON_SHOWN: Final = 300


@dataclass(frozen=True)
class Source:
    """How input files are to be read."""

    format: Format = "parquet"
    """Of files whose name does not end with one of SUFFIXES."""
    dialect: Dialect = field(default_factory=Dialect)
    on_bad_row: OnBadRow = "fail"

    def format_of(self, path: str) -> Format:
        """By the ending of its name, if that is known."""
        return SUFFIXES.get(PurePath(path).suffix.lower(), self.format)


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
      ConfigError: the schema cannot be read.
      DataError: it does not know key or label, or has a type that no example has.
    """
    columns = {}
    schema = read_schema(schema_file)
    kinds = feature_kinds(schema)
    for feature in schema.feature:
        kind = kinds[feature.name]
        if kind not in ARROW_TYPES:
            raise DataError(
                f"{schema_file}: column '{feature.name}' has type {kind}, expected one of "
                f"{', '.join(ARROW_TYPES)}",
                edit=schema_file,
            )
        bounded = feature.name == label and feature.HasField("int_domain")
        columns[feature.name] = Column(
            name=feature.name,
            kind=cast(Kind, kind),
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


def index_of(columns: Sequence[Column], name: str) -> int:
    """Where a column is."""
    return next(index for index, column in enumerate(columns) if column.name == name)


def read_rows(path: str, columns: Sequence[Column], source: Source) -> Iterator[Batch]:
    """Yields a file's rows in order, nothing where it has none; memory does not grow with the file.

    Missing is an empty cell, a null, an empty text, a null word of the dialect, or NaN in a float
    column: all become null.

    Raises:
      DataError: the file cannot be read, its columns are not those of the schema, a CSV cell does
        not end on its line, or, with `fail`, a row is bad. The message names file, line (CSV) or
        row (Parquet, from 1), column and value.
    """
    noted = False
    for raw in _raw_batches(path, columns, source):
        rows, bad = clean(raw.rows, columns)
        if source.on_bad_row == "fail" and (bad or raw.broken):
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


def _raw_batches(path: str, columns: Sequence[Column], source: Source) -> Iterator[_Raw]:
    is_csv = source.format_of(path) == "csv"
    batches = _csv_batches(path, columns, source.dialect) if is_csv else None
    try:
        yield from batches or _parquet_batches(path, columns)
    # ValueError: names of columns that are no UTF-8; RuntimeError: what the hotfix forbids.
    except (pa.ArrowException, OSError, ValueError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), "")[:REASON_SHOWN]
        raise DataError(
            f"{path} cannot be read as {'CSV' if is_csv else 'Parquet'}: {reason}",
            edit=f"{path}: replace the file, or data.format",
        ) from error


def _csv_batches(path: str, columns: Sequence[Column], dialect: Dialect) -> Iterator[_Raw]:
    file = CsvLines(path, dialect)
    if not file.names:
        return
    others = [one for one in OTHER_DELIMITERS if len(file.names) == 1 and one in file.names[0]]
    hint = f" (is {others[0]!r} the delimiter? data.csv.delimiter)" if others else ""
    _check_names(path, file.names, columns, hint)
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


def _check_names(
    path: str, names: Sequence[str], columns: Sequence[Column], hint: str = ""
) -> None:
    expected = [column.name for column in columns]
    counts = Counter(names)
    twice = sorted(name for name, count in counts.items() if count > 1)
    missing = [name for name in expected if name not in counts]
    extra = [name for name in counts if name not in expected]
    problems = [f"column '{name[:SHOWN]}' appears more than once" for name in twice[:SHOWN_NAMES]]
    for name in extra[:SHOWN_NAMES]:
        guess = did_you_mean(name[:SHOWN], missing)
        problems.append(f"column '{name[:SHOWN]}' is not in the schema{guess}")
    problems += [f"column '{name}' is missing" for name in missing[:SHOWN_NAMES]]
    more = len(twice) + len(extra) + len(missing) - len(problems)
    if more:
        problems.append(f"{more} columns more are missing or not in the schema")
    if problems:
        raise DataError(
            f"{path}: {'; '.join(problems)}{hint}",
            edit=f"{path}, or the curated schema (data.schema_file)",
        )


def _describe(raw: _Raw, bad: Sequence[BadCell]) -> str:
    if not bad:
        return raw.describe_broken()
    cell = bad[0]
    return (
        f"{raw.place(cell.row)}, column '{cell.column}': got {cell.value}, expected {cell.expected}"
    )
