"""Reads CSV a block of whole lines at a time, and proves that each line became one row.

Arrow lets a quoted cell go on over line ends. A quote that someone forgot to close then swallows
the rows below it, up to the next quote or the end of the block, and nothing but the number of
lines shows it. So a cell that holds a line break is refused, whoever meant it. Lines that Arrow
would read otherwise than their dialect are read by it, and given to Arrow as it understands them;
a line with a fault is given to it as one with a cell too many, so that it comes back as broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from taxiway.arrow.ingest.dialect import Dialect, Fault
from taxiway.arrow.ingest.text_lines import (
    count_lines,
    lines_beyond_utf8,
    refuse,
    shown,
    whole_lines,
)
from taxiway.errors import DataError

HEADER: Final = re.compile(rb"[\r\n]*([^\r\n]+(?:\r\n|\r|\n)?)")


@dataclass(frozen=True)
class Block:
    """Rows of about a megabyte of lines; the broken ones have too few or too many cells."""

    rows: Any
    """A record batch, its cells still raw bytes."""
    broken: Sequence[Any]
    """Arrow's InvalidRow of each."""
    text: bytes
    """The file's header, then the lines of the block."""
    before: int
    """Lines of the file before those of the block."""
    faults: Mapping[int, str]
    """What is wrong with lines, from 0, of the text that came back as broken for it."""
    rows_before: int = 0
    """Rows of the file before those of the block, broken ones too."""

    def numbers(self) -> Any:
        """Of the rows in the file, int64 [N] from 1; broken ones count, empty lines do not."""
        broken = [one.number - 2 for one in self.broken]  # Arrow counts from 1, with the header
        every = np.arange(self.rows.num_rows + len(broken))
        return np.delete(every, broken) + self.rows_before + 1

    def line_of_row(self, row: int) -> int:
        """The line of the file, from 1, of one of the rows, from 0."""
        number = row + 2  # lines count from 1, and the first is the header
        for broken in sorted(broken.number for broken in self.broken):
            number += broken <= number
        return self._line(number)

    def describe_broken(self) -> str:
        """Line and fault of the first broken row: its number of cells, if nothing else."""
        row = self.broken[0]
        index = self._index(row.number)
        fault = self.faults.get(index) or _describe_count(
            row.actual_columns, row.expected_columns, row.text.encode()
        )
        return f"line {self.before + index}{fault}"

    def _line(self, number: int) -> int:
        return self.before + self._index(number)

    def _index(self, number: int) -> int:
        """The `number`-th line that is not empty: Arrow does not count empty ones."""
        full = [index for index, line in enumerate(self.text.splitlines()) if line]
        return full[number - 1]


class CsvLines:
    """A CSV file with its header, and its rows for who asks once.

    Raises:
      DataError: the file is no UTF-8 text, or its header cannot be read.
      OSError: the file cannot be read.
    """

    def __init__(self, path: str, dialect: Dialect | None = None) -> None:
        self._path = path
        self._dialect = dialect or Dialect()
        self._texts = whole_lines(path)
        self._before = 0
        self._first = self._header = b""
        self.names: list[str] = []
        """Of the columns, as the header has them; none where the file has no line."""
        for text in self._texts:
            found = HEADER.match(text)
            self._before += len(text[: found.end() if found else None].splitlines())
            if found:
                self._first = text[found.end() :]
                self._read_header(found[1].rstrip(b"\r\n"))
                break

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        """The rows, with these columns in this order; nothing where there is none.

        Raises:
          DataError: a line is longer than LONGEST_LINE, or a quoted cell does not end on the line
            that it begins on.
        """
        before, rows_before = self._before, 0
        for lines in self._all_lines():
            text = self._header + lines
            physical, full = count_lines(text)
            if full > 1:
                text, faults = self._as_arrow_reads(text, before)
                rows, broken = _parse(text, columns, self._dialect)
                if 1 + rows.num_rows + len(broken) != full:
                    raise DataError(
                        f"{self._path}: {1 + rows.num_rows + len(broken)} rows came of {full} "
                        f"lines from line {before + 1} on, with the header: a bug in "
                        "ArrowExampleGen, or in Arrow"
                    )
                yield Block(rows, broken, text, before, faults, rows_before)
                rows_before += full - 1
            before += physical - 1

    def _all_lines(self) -> Iterator[bytes]:
        if self.names:
            yield self._first
            yield from self._texts

    def _read_header(self, line: bytes) -> None:
        if b"\0" in line:
            refuse(self._path, "it is UTF-16 text or no text at all, expected UTF-8")
        cells = self._dialect.cells(line)
        if isinstance(cells, Fault):
            if cells.kind == "open":
                self._refuse_open_quote(cells, self._before)
            refuse(self._path, f"line {self._before}{self._describe(cells)}")
        for index, cell in enumerate(cells, start=1):
            try:
                self.names.append(cell.decode())
            except UnicodeDecodeError:
                refuse(
                    self._path,
                    f"line {self._before}, the name of column {index}: got {shown(cell)}, "
                    "expected UTF-8 text",
                )
        self._header = self._dialect.joined(cells) + b"\n"

    def _as_arrow_reads(self, text: bytes, before: int) -> tuple[bytes, Mapping[int, str]]:
        """The text with what Arrow reads otherwise written for it, and the faults of lines."""
        beyond = set(lines_beyond_utf8(text))
        suspects = {*self._dialect.suspects(text), *beyond} - {0}
        if not suspects:
            return text, {}
        lines = text.splitlines(keepends=True)
        faults = {}
        for index in sorted(suspects):
            line = lines[index].rstrip(b"\r\n")
            known = None if index in beyond else self._dialect.as_arrow_reads(line)
            if known is not None:
                lines[index] = known + lines[index][len(line) :]
                continue
            cells = self._dialect.cells(line)
            if isinstance(cells, Fault):
                if cells.kind == "open":
                    self._refuse_open_quote(cells, before + index)
                faults[index] = self._describe(cells)
                cells = [b""] * (len(self.names) + 1)
            elif len(cells) != len(self.names):
                faults[index] = _describe_count(len(cells), len(self.names), line)
                cells = [b""] * (len(self.names) + 1)
            lines[index] = self._dialect.joined(cells) + lines[index][len(line) :]
        return b"".join(lines), faults

    def _column(self, cell: int) -> str:
        return f"column '{self.names[cell]}'" if cell < len(self.names) else f"cell {cell + 1}"

    def _describe(self, fault: Fault) -> str:
        expected = {
            "glued": f"nothing between a closing quote and the next '{self._dialect.delimiter}'",
            "trailing": "a character behind the escape that ends the line",
        }[fault.kind]
        hint = ""
        if fault.kind == "glued" and b"\\" in fault.shown and not self._dialect.escape:
            hint = " (where \\ escapes a quote, say so in data.csv.escape)"
        return f", {self._column(fault.cell)}: got {shown(fault.shown)}, expected {expected}{hint}"

    def _refuse_open_quote(self, fault: Fault, line: int) -> NoReturn:
        raise DataError(
            f"{self._path}, line {line}, {self._column(fault.cell)}: got a quote that is not "
            f"closed on its line: {shown(fault.shown)}, expected each cell to end where its line "
            "ends; what follows an open quote cannot be told apart into rows",
            edit=f'{self._path}: close the quote, or write "" for a quote inside quotes; for '
            "cells with line breaks write Parquet (data.format: parquet); where quotes or an "
            "escape are others, say so in data.csv",
        )


def _parse(text: bytes, columns: Sequence[str], dialect: Dialect) -> tuple[Any, list[Any]]:
    broken: list[Any] = []

    def skip(row: Any) -> str:
        broken.append(row)
        return "skip"

    # Not read_csv: to heed Ctrl-C it walks all objects of the process, at each call.
    batches = pa_csv.open_csv(
        pa.BufferReader(text),
        # One thread, because only then a broken row knows its number.
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(text)),
        parse_options=pa_csv.ParseOptions(
            delimiter=dialect.delimiter, quote_char=dialect.arrow_quote, invalid_row_handler=skip
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types={name: pa.binary() for name in columns},
            include_columns=list(columns),
            null_values=["", *dialect.null_words],
            strings_can_be_null=True,
        ),
    )
    rows = list(batches)
    if not rows:  # all are broken
        return pa.RecordBatch.from_pylist([], schema=batches.schema), broken
    assert len(rows) == 1
    return rows[0], broken


def _describe_count(cells: int, columns: int, line: bytes) -> str:
    return f": got {cells} cells, expected {columns}: {shown(line)}"
