"""Reads CSV a block of whole lines at a time, and proves that each line became one row.

Arrow lets a quoted cell go on over line ends. A quote that someone forgot to close then swallows
the rows below it, up to the next quote or the end of the block, and nothing but the number of
lines shows it. So a cell that holds a line break is refused, whoever meant it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from taxiway.arrow.ingest.spans import opened
from taxiway.errors import DataError

BLOCK_BYTES: Final = 1 << 20
LONGEST_LINE: Final = 1 << 20
BOM: Final = b"\xef\xbb\xbf"
HEADER: Final = re.compile(rb"[\r\n]*([^\r\n]+(?:\r\n|\r|\n)?)")
QUOTED: Final = re.compile(rb'"[^"]*(?:""[^"]*)*"(?!")')


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

    def line_of_row(self, row: int) -> int:
        """The line of the file, from 1, of one of the rows, from 0."""
        number = row + 2  # lines count from 1, and the first is the header
        for broken in sorted(broken.number for broken in self.broken):
            number += broken <= number
        return self._line(number)

    def describe_broken(self) -> str:
        """Line, number of cells and text of the first broken row."""
        row = self.broken[0]
        return (
            f"line {self._line(row.number)}: got {row.actual_columns} cells, expected "
            f"{row.expected_columns}: {row.text[:120]!r}"
        )

    def _line(self, number: int) -> int:
        """The line of the `number`-th line that is not empty: Arrow does not count empty ones."""
        full = [index for index, line in enumerate(self.text.splitlines()) if line]
        return self.before + full[number - 1]


class CsvLines:
    """A CSV file with its header, and its rows for who asks once.

    Raises:
      DataError: there is no header, or a quote in it is not closed.
      OSError: the file cannot be read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._texts = _whole_lines(path)
        first = next(self._texts, b"").removeprefix(BOM)
        found = HEADER.match(first)
        if found is None:
            _refuse(path, "it has no header")
        self._header, self._first = found[1].rstrip(b"\r\n") + b"\n", first[found.end() :]
        self._before = len(first[: found.end()].splitlines())
        self.names: list[str] = []
        """Of the columns, as the header has them."""
        self._refuse_open_quotes(self._header, self._before)
        # Below a header Arrow wants a row.
        twice = pa.BufferReader(self._header * 2)
        self.names = pa_csv.open_csv(twice).schema.names

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        """The rows, with these columns in this order.

        Raises:
          DataError: there is no row, a line is longer than LONGEST_LINE, or a quoted cell does not
            end on the line that it begins on.
        """
        before, is_empty = self._before, True
        for lines in self._all_lines():
            text = self._header + lines
            physical, full = _count_lines(text)
            if full > 1:
                rows, broken = _parse(text, columns)
                self._check(text, before, full, 1 + rows.num_rows + len(broken))
                yield Block(rows, broken, text, before)
                is_empty = False
            before += physical - 1
        if is_empty:
            _refuse(self._path, "it has no row below its header")

    def _all_lines(self) -> Iterator[bytes]:
        yield self._first
        yield from self._texts

    def _check(self, text: bytes, before: int, lines: int, rows: int) -> None:
        # What the last line opens swallows no other, so that the numbers are equal.
        if rows == lines and open_quote(_last_line(text)) is None:
            return
        self._refuse_open_quotes(text, before)
        raise DataError(
            f"{self._path}: {rows} rows came of {lines} lines from line {before + 1} on, with the "
            "header: a bug in ArrowExampleGen, or in Arrow"
        )

    def _refuse_open_quotes(self, text: bytes, before: int) -> None:
        for index, line in enumerate(text.splitlines()):
            found = open_quote(line)
            if found is None:
                continue
            start, cell = found
            column = (
                f"column '{self.names[cell]}'" if cell < len(self.names) else f"cell {cell + 1}"
            )
            shown = line[start : start + 80].decode(errors="backslashreplace")
            raise DataError(
                f"{self._path}, line {before + index}, {column}: got a quote that is not closed on "
                f"its line: {shown!r}, expected each cell to end where its line ends; what "
                "follows an open quote cannot be told apart into rows",
                edit=f'{self._path}: close the quote, or write "" for a quote inside quotes; for '
                "cells with line breaks write Parquet (data.format: parquet)",
            )


def open_quote(line: bytes) -> tuple[int, int] | None:
    """Where a quote opens that the line does not close, and in which cell, both from 0.

    As in Arrow, a quote opens only at the start of a cell, and two inside quotes are one.
    """
    start = cell = 0
    last = line.rfind(b'"')
    while start <= last:
        if line.startswith(b'"', start):
            quoted = QUOTED.match(line, start)
            if quoted is None:
                return start, cell
            start = quoted.end()
        comma = line.find(b",", start)
        if comma < 0:
            break
        start, cell = comma + 1, cell + 1
    return None


def _parse(text: bytes, columns: Sequence[str]) -> tuple[Any, list[Any]]:
    broken: list[Any] = []

    def skip(row: Any) -> str:
        broken.append(row)
        return "skip"

    # Not read_csv: to heed Ctrl-C it walks all objects of the process, at each call.
    batches = pa_csv.open_csv(
        pa.BufferReader(text),
        # One thread, because only then a broken row knows its number.
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(text)),
        parse_options=pa_csv.ParseOptions(invalid_row_handler=skip),
        convert_options=pa_csv.ConvertOptions(
            column_types={name: pa.binary() for name in columns},
            include_columns=list(columns),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    rows = list(batches)
    if not rows:  # all are broken
        return pa.RecordBatch.from_pylist([], schema=batches.schema), broken
    assert len(rows) == 1
    return rows[0], broken


def _last_line(text: bytes) -> bytes:
    """The last one that is not empty."""
    end = len(text)
    while text[end - 1] in b"\r\n":
        end -= 1
    start = text.rfind(b"\n", 0, end) + 1
    return text[max(start, text.rfind(b"\r", start, end) + 1) : end]


def _count_lines(text: bytes) -> tuple[int, int]:
    """Lines, and those that are not empty, of a text that begins with one of these."""
    characters = np.frombuffer(text, np.uint8)
    # One pass over the text, for speed; few characters of it are controls.
    ends = np.flatnonzero(characters <= ord("\r"))
    kinds = characters[ends]
    is_end = (kinds == ord("\n")) | (kinds == ord("\r"))
    ends, kinds = ends[is_end], kinds[is_end]
    gaps = np.diff(ends)
    pairs = np.count_nonzero((gaps == 1) & (kinds[:-1] == ord("\r")) & (kinds[1:] == ord("\n")))
    is_unended = int(ends[-1]) < len(text) - 1
    return len(ends) - pairs + is_unended, 1 + np.count_nonzero(gaps > 1) + is_unended


def _whole_lines(path: str) -> Iterator[bytes]:
    rest = b""
    for chunk in _chunks(path):
        cut = chunk.rfind(b"\n") + 1
        # A return that ends the chunk may have its line feed in the next.
        cut = max(cut, chunk.rfind(b"\r", cut, -1) + 1)
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > LONGEST_LINE:
            start = rest[:80].decode(errors="backslashreplace")
            _refuse(path, f"a line is longer than {LONGEST_LINE >> 20} MB: {start!r}...")
    if rest:
        yield rest


def _chunks(path: str) -> Iterator[bytes]:
    with opened(path) as source:
        while chunk := source.read(BLOCK_BYTES):
            yield bytes(chunk)


def _refuse(path: str, reason: str) -> NoReturn:
    raise DataError(
        f"{path} cannot be read as CSV: {reason}", edit=f"{path}: replace the file, or data.format"
    )
