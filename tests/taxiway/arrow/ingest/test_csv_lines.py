"""One line of a CSV file is one row: a quote that swallows others is found, whatever the mode."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from taxiway.arrow.ingest import csv_lines, text_lines
from taxiway.arrow.ingest.dialect import Dialect, Fault
from taxiway.arrow.ingest.reading import OnBadRow
from tests.taxiway.arrow.ingest.conftest import (
    HEADER,
    MODES,
    RFC_4180,
    Spans,
    lines,
    read,
    refusal,
    refused,
)

pytestmark = pytest.mark.pipeline

LARGE = 100_000  # rows: more than two blocks


def with_cell(count: int, cell: str, *at: int) -> list[str]:
    """Lines with another city in some rows; row `i` is line `i` + 2 of the file."""
    rows = lines(count)
    for row in at:
        rows[row] = rows[row].replace("Paris", cell)
    return rows


QUOTES: dict[str, tuple[str, tuple[int, ...]]] = {
    "one that is not closed": ('"Paris', (5000,)),
    "two that are not closed": ('"Paris', (5000, 6000)),
    "a lone quote in two rows": ('"', (5000, 6000)),
    "two inches in quotes": ('"5"" pipe', (5000, 6000)),
    "one far into the file": ('"Paris', (LARGE - 100,)),
    "two in different blocks": ('"Paris', (5000, LARGE - 100)),
}


@pytest.mark.parametrize("on_bad_row", MODES)
@pytest.mark.parametrize("case", QUOTES)
def test_an_open_quote_is_refused_with_the_line_it_opens_on(
    data: Spans, case: str, on_bad_row: OnBadRow
) -> None:
    cell, at = QUOTES[case]
    path = data.csv(with_cell(LARGE, cell, *at))
    assert path.stat().st_size > 2 * text_lines.BLOCK_BYTES
    text = refused(data, on_bad_row=on_bad_row)
    assert f"{path}, line {at[0] + 2}, column 'city': got a quote that is not closed" in text
    assert f"'{cell}," in text
    assert "close the quote" in text
    assert "Parquet (data.format: parquet)" in text
    assert "on_bad_row" not in text


ENDS = {
    "in the last column": 'x,1,Oslo,1,"3\n',
    "in the last column, without a line end": 'x,1,Oslo,1,"3',
    "before the last column": 'x,1,"Oslo,1,3\n',
    "as the last character": 'x,1,Oslo,1,"',
    "with empty lines below": 'x,1,Oslo,1,"3\n\n\n',
}


@pytest.mark.parametrize("on_bad_row", MODES)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("count", [3, LARGE])
def test_a_quote_that_opens_on_the_last_line_is_refused(
    data: Spans, count: int, end: str, on_bad_row: OnBadRow
) -> None:
    content = "\n".join([HEADER, *lines(count), ENDS[end]]).encode()
    assert f", line {count + 2}, column '" in refusal(data, content, on_bad_row)


@pytest.mark.parametrize("on_bad_row", MODES)
def test_a_quote_on_the_last_line_of_a_block_is_refused(
    data: Spans, on_bad_row: OnBadRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = with_cell(9, '"Paris', 3)
    until = len("\n".join([HEADER, *rows[:4], ""]))
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", until)
    assert ", line 5, column 'city'" in refusal(data, rows, on_bad_row)


@pytest.mark.parametrize("on_bad_row", MODES)
@pytest.mark.parametrize("count", [10, LARGE])
def test_a_line_break_in_a_cell_is_refused_at_every_size(
    data: Spans, count: int, on_bad_row: OnBadRow
) -> None:
    text = refusal(data, with_cell(count, '"Paris\n\nTexas"', count // 2), on_bad_row)
    assert f", line {count // 2 + 2}, column 'city': got a quote that is not closed" in text


def test_an_open_quote_in_the_header_is_refused(data: Spans) -> None:
    content = b'\nid,late,"city,temp,seats\n' + "\n".join(lines(9)).encode()
    assert ", line 2, cell 3: got a quote" in refusal(data, content, "drop")


def test_a_quote_is_refused_before_what_it_swallowed_is_told_as_bad(data: Spans) -> None:
    rows = [*with_cell(9, '"', 2, 4), "x,1,Oslo,warm,3"]
    assert ", line 4, column 'city'" in refusal(data, rows, "fail")


READ = {
    "a comma": ('"Paris, TX"', "Paris, TX"),
    "a doubled quote": ('"the ""city"" of light"', 'the "city" of light'),
    "nothing but a doubled quote": ('""""', '"'),
    "nothing": ('"Paris"', "Paris"),
    "a quote that opens nothing": ('5" pipe', '5" pipe'),
}


@pytest.mark.parametrize("case", READ)
def test_quotes_that_are_closed_are_read_as_ever(data: Spans, case: str) -> None:
    cell, value = READ[case]
    rows, count, dropped, _ = read(data, with_cell(LARGE, cell, 5000, 6000, LARGE - 1))
    assert (len(rows), count, dropped) == (LARGE, LARGE, 0)
    found = {index: row["city"] for index, row in enumerate(rows) if row["city"] != "Paris"}
    assert found == (dict.fromkeys((5000, 6000, LARGE - 1), value) if value != "Paris" else {})


def test_quotes_open_where_arrow_opens_them() -> None:
    """A sentinel line below each line is swallowed, or not, as the dialect says."""
    chosen = random.Random(7)
    for _ in range(3000):
        line = "".join(chosen.choices('a",', [2, 3, 1], k=chosen.randint(1, 12))).encode()
        below = b"\nlast,row"
        rows, broken = csv_lines._parse(b"x,y\n" + line + below, ["x", "y"], RFC_4180)
        is_swallowed = rows.num_rows + len(broken) == 1
        found = RFC_4180.cells(line)
        assert (isinstance(found, Fault) and found.kind == "open") == is_swallowed, line


def test_where_a_quote_opens_is_told_with_its_cell() -> None:
    assert RFC_4180.cells(b'a,"b, c",d,"e') == Fault("open", 3, b'"e')


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("block", [41, 64, 97, 1 << 20])
def test_every_line_is_placed_exactly_wherever_blocks_end(
    data: Spans, end: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", block)
    plain = ["", HEADER, "", *lines(4), "", "", *lines(20, start=4), ""]
    rows, count, dropped, _ = read(data, end.join(plain).encode())
    assert (len(rows), count, dropped) == (24, 24, 0)
    for bad in ("x,1,Oslo,warm,3", "x,1", 'x,1,"Oslo,1,3'):
        for at in (3, 8, 9, 20, len(plain) - 1):
            content = end.join([*plain[:at], bad, *plain[at:]]).encode()
            assert f", line {at + 1}" in refusal(data, content, "fail")


def test_rows_of_blocks_without_a_good_one_are_counted(
    data: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 64)
    content = [*lines(20), *["x,1"] * 50, *[""] * 200, *lines(20, start=20), "y"]
    rows, count, dropped, note = read(data, content, "drop")
    assert [row["id"] for row in rows] == [f"row-{i}" for i in range(40)]
    assert (count, dropped) == (91, 51)
    assert ", line 22: got 2 cells, expected 5: 'x,1'" in note


@pytest.mark.parametrize("empty", [0, 2])
def test_a_byte_order_mark_is_no_part_of_the_first_name(data: Spans, empty: int) -> None:
    content = "\n".join([*[""] * empty, HEADER, *lines(4)]).encode()
    assert len(read(data, b"\xef\xbb\xbf" + content)[0]) == 4


def test_a_file_without_line_ends_is_not_loaded_whole(
    data: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0

    def chunks(_path: str) -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b"x" * text_lines.BLOCK_BYTES

    monkeypatch.setattr(text_lines, "_chunks", chunks)
    assert "a line is longer than 1 MB: 'xxx" in refusal(data, [], "drop")
    assert taken < 5


def test_a_row_that_arrow_loses_is_found(data: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    parse = csv_lines._parse

    def lossy(text: bytes, columns: list[str], how: Dialect) -> tuple[pa.RecordBatch, list[Any]]:
        rows, broken = parse(text, columns, how)
        return rows.slice(1), broken

    monkeypatch.setattr(csv_lines, "_parse", lossy)
    assert "10 rows came of 11 lines from line 2 on" in refusal(data, lines(10), "drop")
