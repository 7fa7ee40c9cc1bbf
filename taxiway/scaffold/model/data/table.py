"""The cells of what was given as an Arrow table: text if it is CSV, types if it is Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from taxiway.arrow.ingest.csv_lines import CsvLines
from taxiway.errors import DataError
from taxiway.scaffold.model.data.csv_form import CsvForm, content_of, decoded, sniff
from taxiway.scaffold.model.data.files import DataFile, Given

MOST_BROKEN: Final = 0.05
"""Share of lines that may have too few or too many cells; more, and the file is no table."""
FIELD_BYTES: Final = 1 << 24


@dataclass(frozen=True)
class Part:
    """One file."""

    file: DataFile
    rows: Any
    """A table: every column is text where the file is CSV, null where a cell is empty."""
    repairs: tuple[str, ...] = ()
    """What had to be done to read it, that the pipeline's reader does not do."""
    broken: int = 0
    """Lines with too few or too many cells, which are not in `rows`."""
    first_broken: str = ""
    """Where the first of them is, and what is wrong with it."""


@dataclass(frozen=True)
class Data:
    """All files, with the same columns."""

    given: Given
    parts: tuple[Part, ...]
    form: CsvForm = field(default_factory=CsvForm)
    """Of the first file, and so of all."""

    @property
    def table(self) -> Any:
        """All rows."""
        return pa.concat_tables([part.rows for part in self.parts]).combine_chunks()

    @property
    def repairs(self) -> tuple[str, ...]:
        """Of all files, each once."""
        return tuple(dict.fromkeys(repair for part in self.parts for repair in part.repairs))


def read(given: Given) -> Data:
    """Every file whole.

    Raises:
      DataError: one cannot be read as a table, or two have other columns.
    """
    if given.format == "parquet":
        data = Data(given, tuple(_parquet(file) for file in given.files))
    else:
        path = given.files[0].path
        form = sniff(path, *content_of(path))
        data = Data(given, tuple(_csv(file) for file in given.files), form)
    first = data.parts[0]
    for part in data.parts[1:]:
        if part.rows.schema.names != first.rows.schema.names:
            others = sorted(set(part.rows.schema.names) ^ set(first.rows.schema.names))
            raise DataError(
                f"{part.file.path} has other columns than {first.file.path}: "
                f"{', '.join(map(repr, others))[:200] or 'in another order'}",
                edit=f"{given.place}: files of one data set have the same columns",
            )
    return data


def _parquet(file: DataFile) -> Part:
    try:
        return Part(file, pq.read_table(file.path))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{file.path} cannot be read as Parquet: {error}", edit="--data") from error


def _csv(file: DataFile) -> Part:
    """As the pipeline's reader reads it, or else by Python's, which is slower and forgives more."""
    content, is_packed = content_of(file.path)
    form = sniff(file.path, content, is_packed)
    repairs = form.repairs
    part = None
    if not repairs:
        try:
            part = _as_the_pipeline(file, form)
        except DataError:
            repairs = ("line ends within cells written as blanks",)
    part = part or _by_python(file, decoded(content, form.encoding), form, repairs)
    if part.broken > MOST_BROKEN * (part.broken + part.rows.num_rows):
        raise DataError(
            f"{file.path}: {part.broken} of {part.broken + part.rows.num_rows} lines have another "
            f"number of cells than the line with the names; the first is {part.first_broken}",
            edit=f"{file.path}",
        )
    return _tidied(part)


def _as_the_pipeline(file: DataFile, form: CsvForm) -> Part:
    lines = CsvLines(str(file.path), form.dialect)
    names = lines.names
    batches, broken, first = [], 0, ""
    for block in lines.blocks(names):
        if block.broken:
            first = first or block.describe_broken()
            broken += len(block.broken)
        batches.append(block.rows)
    schema = pa.schema([(name, pa.binary()) for name in names])
    rows = pa.Table.from_batches(batches, schema)
    text = [rows.column(index).cast(pa.string()) for index in range(len(names))]
    return Part(file, pa.table(text, names=names), (), broken, first)


def _by_python(file: DataFile, text: str, form: CsvForm, repairs: tuple[str, ...]) -> Part:
    dialect = form.dialect
    csv.field_size_limit(FIELD_BYTES)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=dialect.escape or None,
    )
    for _ in range(form.skip):
        next(reader, None)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DataError(f"{file.path}, line {reader.line_num}: {error}", edit="--data") from error
    names = rows[0][1]
    good = [row for _, row in rows[1:] if len(row) == len(names)]
    bad = [(line, row) for line, row in rows[1:] if len(row) != len(names)]
    first = ""
    if bad:
        first = f"line {bad[0][0]}: got {len(bad[0][1])} cells, expected {len(names)}"
    columns = [
        pa.array([" ".join(row[index].splitlines()) or None for row in good], pa.string())
        for index in range(len(names))
    ]
    return Part(file, pa.table(columns, names=names), repairs, len(bad), first)


def _tidied(part: Part) -> Part:
    """Without columns that have no name, and without the blanks that stand around every cell."""
    rows, repairs = part.rows, list(part.repairs)
    unnamed = [index for index, name in enumerate(rows.schema.names) if not name.strip()]
    if unnamed:
        places = ", ".join(str(index + 1) for index in unnamed)
        repairs.append(f"column {places}, which has no name, left out")
        kept = [index for index in range(rows.num_columns) if index not in unnamed]
        rows = rows.select(kept)
    padded = _padded(rows)
    if padded:
        repairs.append("blanks around cells taken away")
        columns = [_trimmed(column.combine_chunks()) for column in rows.columns]
        rows = pa.table(columns, names=[name.strip() for name in rows.schema.names])
    return Part(part.file, rows, tuple(repairs), part.broken, part.first_broken)


def _trimmed(values: Any) -> Any:
    trimmed = pc.utf8_trim_whitespace(values)
    empty = pc.fill_null(pc.equal(trimmed, ""), False)
    return pc.replace_with_mask(trimmed, empty, pa.scalar(None, pa.string()))


def _padded(rows: Any) -> Sequence[str]:
    """Columns of words in most of whose cells blanks stand around the word."""
    found = []
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        words = column.drop_null()
        trimmed = pc.utf8_trim_whitespace(words)
        count = pc.sum(pc.not_equal(words, trimmed)).as_py() or 0
        if count > len(words) / 2:
            found.append(name)
    return found
