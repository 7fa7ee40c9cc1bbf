"""Files that are no UTF-8 text are refused for what they are, and files without rows are none."""

from __future__ import annotations

import gzip

import pytest

from taxiway.arrow.ingest import reading, text_lines
from taxiway.arrow.ingest.reading import OnBadRow, Source
from taxiway.arrow.ingest.rows.columns import read_columns
from taxiway.errors import DataError
from tests.taxiway.arrow.ingest.conftest import (
    HEADER,
    MODES,
    Spans,
    lines,
    read,
    refusal,
    refused,
    table,
)

pytestmark = pytest.mark.pipeline

BOM = text_lines.BOM
EMPTY = [b"", b"\r\n\n", HEADER.encode(), HEADER.encode() + b"\n\n", BOM, BOM + b"\n"]


@pytest.mark.parametrize("on_bad_row", MODES)
@pytest.mark.parametrize("content", EMPTY)
def test_a_part_file_without_rows_is_none_beside_others(
    data: Spans, content: bytes, on_bad_row: OnBadRow
) -> None:
    data.csv(lines(30))
    data.csv(content, name="part-0001.csv")
    data.csv(lines(30, start=30), name="part-0002.csv")
    data.parquet(table(0))
    summary = data.convert(on_bad_row=on_bad_row)
    assert (summary.rows_read, summary.rows_dropped) == (60, 0)


@pytest.mark.parametrize("content", EMPTY)
def test_a_span_without_rows_is_refused_though_others_have_some(
    data: Spans, content: bytes
) -> None:
    data.csv(lines(30))
    path = data.csv(content, span=2)
    data.csv(content, span=2, name="b.csv")
    data.csv(lines(30, start=30), span=3)
    assert refused(data, length=3) == (
        f"span 2 has no rows: {path} and 1 more file have none\n"
        "  edit: data.spans, or bring the rows"
    )


def test_a_span_of_bad_rows_alone_is_refused(data: Spans) -> None:
    data.csv(lines(30))
    path = data.csv(["x,1,Oslo,warm,3"] * 2, span=2)
    assert refused(data, length=2, on_bad_row="drop") == (
        f"span 2 has no rows: {path} has none (2 bad rows were left out of all spans)\n"
        "  edit: data.spans, or bring the rows"
    )


def test_a_part_file_without_rows_has_the_columns_of_the_schema_all_the_same(data: Spans) -> None:
    data.csv(lines(30))
    path = data.csv(b"id,late\n", name="b.csv")
    assert refused(data).startswith(f"{path}: column 'city' is missing; ")


def test_a_header_below_a_block_of_empty_lines_is_found(
    data: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 16)
    content = "\n" * 100 + "\n".join([HEADER, *lines(4)])
    assert len(read(data, content.encode())[0]) == 4
    assert ", line 106: got 2 cells" in refusal(data, content.encode() + b"\nx,1", "fail")


PLAIN = "\n".join([HEADER, *lines(4), ""])
NO_UTF8 = {
    "UTF-16 with its mark": (PLAIN.encode("utf-16"), "it is UTF-16 text, expected UTF-8 text"),
    "UTF-16, big end first": (
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        "it is UTF-16 text, expected UTF-8 text",
    ),
    "UTF-16 without a mark": (
        PLAIN.encode("utf-16-le"),
        "it is UTF-16 text or no text at all, expected UTF-8",
    ),
    "UTF-32": (PLAIN.encode("utf-32"), "it is UTF-32 text, expected UTF-8 text"),
    "Latin-1 in the header": (
        PLAIN.replace("city", "größe").encode("latin-1"),
        r"line 1, the name of column 3: got 'gr\\xf6\\xdfe', expected UTF-8 text",
    ),
    "compressed": (gzip.compress(PLAIN.encode()), "it is compressed by gzip, expected UTF-8 text"),
    "a spreadsheet": (
        b"PK\x03\x04\x14\0\6\0",
        "it is a zip archive, or a spreadsheet, expected UTF-8 text",
    ),
    "Parquet": (b"PAR1\x15\x04\x15", "it is Parquet, expected UTF-8 text"),
    "noise": (bytes(range(256)) * 9, "it is UTF-16 text or no text at all, expected UTF-8"),
}


@pytest.mark.parametrize("on_bad_row", MODES)
@pytest.mark.parametrize("case", NO_UTF8)
def test_a_file_that_is_no_utf8_text_is_refused_for_what_it_is(
    data: Spans, case: str, on_bad_row: OnBadRow
) -> None:
    content, reason = NO_UTF8[case]
    path = data.base / "span-1" / "a.csv"
    assert refusal(data, content, on_bad_row) == (
        f"{path} cannot be read as CSV: {reason}\n  edit: {path}: replace the file, or data.format"
    )


def test_a_broken_row_that_is_no_utf8_is_told_and_counted(data: Spans) -> None:
    content = "\n".join([HEADER, *lines(3), "Köln,1", *lines(2, start=3)]).encode("latin-1")
    path = data.base / "span-1" / "a.csv"
    message = rf"{path}, line 5: got 2 cells, expected 5: 'K\\xf6ln,1'"
    assert refusal(data, content, "fail").splitlines()[0] == message
    rows, count, dropped, note = read(data, content, "drop")
    assert (len(rows), count, dropped, note) == (5, 6, 1, message)


def test_a_file_of_another_ending_is_read_as_the_config_says(data: Spans) -> None:
    path = data.csv(lines(4), name="part-00000")
    columns = read_columns(str(data.schema), "id", "late")
    (batch,) = reading.read_rows(str(path), columns, Source("csv"))
    assert batch.read == 4
    with pytest.raises(DataError, match="part-00000 cannot be read as Parquet: "):
        list(reading.read_rows(str(path), columns, Source("parquet")))
