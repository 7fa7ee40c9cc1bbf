"""Reads CSV and Parquet as the curated schema says, in batches, and places bad rows exactly."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from taxiway.arrow.ingest.csv_lines import Block, CsvLines
from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.ingest.rows.cells import BadCell, clean, has_usable_type
from taxiway.arrow.ingest.rows.columns import Columns
from taxiway.arrow.ingest.rows.labels import derived_label
from taxiway.arrow.ingest.spans import opened
from taxiway.errors import DataError, did_you_mean
from taxiway.modeling.names import LOGGED
from taxiway.modeling.spec.schema import listed

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
    """Good rows with a label, in the types of the schema; and what was left out for them."""

    rows: Any
    numbers: Any
    """Where in the file each of them is, int64 [N] from 1; lines without a cell do not count."""
    read: int
    """Rows that were read, those that are left out among them."""
    dropped: int
    """Bad rows."""
    unlabelled: int
    """Rows without a label that are not bad."""
    first_dropped: str = ""
    """Where and why, for the first bad row of the file."""
    first_unlabelled: str = ""
    """Where the first row of the file is that has no label."""


@dataclass(frozen=True)
class _Raw:
    """Rows with the schema's columns in its order, CSV cells still as raw bytes."""

    rows: Any
    numbers: Any
    place: Callable[[int], str]
    """Where in the file one of the rows, from 0, is."""
    broken: int = 0
    """CSV rows with too few or too many cells, beside those."""
    describe_broken: Callable[[], str] = str


def read_rows(path: str, columns: Columns, source: Source) -> Iterator[Batch]:
    """Yields a file's rows in order, nothing where it has none; memory does not grow with the file.

    Missing is an empty cell, a null, an empty text, a null word of the dialect, or NaN in a float
    column or a label: all become null. A row without a label is left out.

    Raises:
      DataError: the file cannot be read, its columns are not those of the schema, a CSV cell does
        not end on its line, or, with `fail`, a row is bad. The message names file, line (CSV) or
        row (Parquet, from 1), column and value.
    """
    first_dropped = first_unlabelled = ""
    for raw in _raw_batches(path, columns, source):
        rows, bad = clean(raw.rows, columns.read)
        if columns.derived is not None:
            labels, wrong = derived_label(columns, raw.rows, rows)
            rows = pa.RecordBatch.from_arrays(
                [*rows.columns, labels], [*rows.schema.names, columns.label]
            )
            first = {cell.row: cell for cell in [*wrong, *bad]}
            bad = [first[row] for row in sorted(first)]
        if source.on_bad_row == "fail" and (bad or raw.broken):
            raise DataError(f"{path}, {_describe(raw, bad)}", edit=_edit(path, columns, bad))
        is_good = np.ones(rows.num_rows, dtype=bool)
        is_good[[cell.row for cell in bad]] = False
        has_label = rows.column(rows.schema.get_field_index(columns.label)).is_valid()
        is_labelled = has_label.to_numpy(zero_copy_only=False)
        keep, unlabelled = is_good & is_labelled, np.flatnonzero(is_good & ~is_labelled)
        told = not first_dropped and (bad or raw.broken)
        first_dropped = f"{path}, {_describe(raw, bad)}" if told else first_dropped
        told = not first_unlabelled and len(unlabelled)
        place = f"{path}, {raw.place(int(unlabelled[0]))}" if told else ""
        first_unlabelled = first_unlabelled or place
        yield Batch(
            rows if keep.all() else rows.filter(pa.array(keep)),
            raw.numbers[keep],
            rows.num_rows + raw.broken,
            len(bad) + raw.broken,
            len(unlabelled),
            first_dropped,
            first_unlabelled,
        )


def _raw_batches(path: str, columns: Columns, source: Source) -> Iterator[_Raw]:
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


def _csv_batches(path: str, columns: Columns, dialect: Dialect) -> Iterator[_Raw]:
    file = CsvLines(path, dialect)
    if not file.names:
        return
    others = [one for one in OTHER_DELIMITERS if len(file.names) == 1 and one in file.names[0]]
    hint = f" (is {others[0]!r} the delimiter? data.csv.delimiter)" if others else ""
    _check_names(path, file.names, columns, hint)
    for block in file.blocks([column.name for column in columns.read]):
        broken, numbers = len(block.broken), block.numbers()
        for start in range(0, max(block.rows.num_rows, 1), BATCH_ROWS):
            rows = block.rows.slice(start, BATCH_ROWS)
            here = numbers[start : start + BATCH_ROWS]
            place = partial(_csv_place, block, start)
            yield _Raw(rows, here, place, broken, block.describe_broken)
            broken = 0


def _csv_place(block: Block, start: int, row: int) -> str:
    return f"line {block.line_of_row(start + row)}"


def _parquet_batches(path: str, columns: Columns) -> Iterator[_Raw]:
    start = 0
    with opened(path) as source:
        # A buffer makes Arrow stream a column of a row group instead of loading it whole.
        parquet = pq.ParquetFile(source, buffer_size=PARQUET_BUFFER_BYTES, pre_buffer=False)
        schema = parquet.schema_arrow
        _check_names(path, schema.names, columns)
        for column in columns.read:
            found = schema.field(column.name).type
            if not has_usable_type(found, column.kind, column.many):
                raise DataError(
                    f"{path}: column '{column.name}' has type {found}, expected {column.kind}",
                    edit=f"{path}, or the type of '{column.name}' in {columns.schema_file}",
                )
        names = [column.name for column in columns.read]
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=names):
            rows = pa.RecordBatch.from_arrays(
                [batch.column(batch.schema.get_field_index(name)) for name in names], names
            )
            numbers = np.arange(start + 1, start + 1 + rows.num_rows)
            yield _Raw(rows, numbers, partial(_parquet_place, start))
            start += rows.num_rows


def _parquet_place(start: int, row: int) -> str:
    return f"row {start + row + 1}"


def _check_names(path: str, names: Sequence[str], columns: Columns, hint: str = "") -> None:
    expected = [column.name for column in columns.read]
    counts = Counter(names)
    twice = sorted(name for name, count in counts.items() if count > 1)
    missing = [name for name in expected if name not in counts]
    extra = [name for name in counts if name not in expected and not name.startswith(LOGGED)]
    problems = [f"column '{name[:SHOWN]}' appears more than once" for name in twice[:SHOWN_NAMES]]
    for name in extra[:SHOWN_NAMES]:
        if columns.derived is not None and name == columns.label:
            problems.append(f"{columns.role_of(name)} is there, but derive makes it of others")
            continue
        guess = did_you_mean(name[:SHOWN], missing)
        problems.append(f"column '{name[:SHOWN]}' is not in the schema{guess}")
    # Label and key first: without them nothing can be done.
    missing.sort(key=lambda name: name not in (columns.label, columns.key))
    for name in missing[:SHOWN_NAMES]:
        guess = did_you_mean(name, extra)
        problems.append(f"{columns.role_of(name)} is missing{guess}")
    more = len(twice) + len(extra) + len(missing) - len(problems)
    if more:
        problems.append(f"{more} columns more are missing or not in the schema")
    if {columns.label, columns.key} & set(missing):
        problems.append(f"the columns that are there: {listed(counts)}")
    if problems:
        raise DataError(
            f"{path}: {'; '.join(problems)}{hint}", edit=f"{path}, or {columns.schema_file}"
        )


def _describe(raw: _Raw, bad: Sequence[BadCell]) -> str:
    if not bad:
        return raw.describe_broken()
    cell = bad[0]
    return (
        f"{raw.place(cell.row)}, column '{cell.column}': got {cell.value}, expected {cell.expected}"
    )


def _edit(path: str, columns: Columns, bad: Sequence[BadCell]) -> str:
    """What mends the first bad row: the cell, what the schema asks of it, or to leave rows out."""
    field = bad[0].field if bad else ""
    asked = f", {field} of '{bad[0].column}' in {columns.schema_file}" if field else ""
    return f"{path}{asked}, or data.on_bad_row: drop"
