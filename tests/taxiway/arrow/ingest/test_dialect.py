"""A file is read by its dialect, and text behind a closing quote is nobody's."""

from __future__ import annotations

import random

import pytest

from taxiway.arrow.ingest import csv_lines, text_lines
from taxiway.arrow.ingest.dialect import Dialect, Fault
from taxiway.errors import DataError
from tests.taxiway.arrow.ingest.conftest import (
    HEADER,
    RFC_4180,
    SCHEMA,
    Spans,
    lines,
    read,
    refusal,
)

pytestmark = pytest.mark.pipeline


OPTIONAL_CITY = SCHEMA.replace(
    '"city" type: BYTES presence { min_fraction: 1.0 }', '"city" type: BYTES'
)
GLUED = {  # a cell of line 4: the column, what is shown of it
    'x,1,Oslo,1,"1"2': ("seats", '"1"2'),
    'x,1,Oslo,"3"7.5,1': ("temp", '"3"7.5'),
    'x,1,"19" rack",1,1': ("city", '"19" rack"'),
    'x,1,"Oslo" ,1,1': ("city", '"Oslo" '),
    'x,1,""Oslo,1,1': ("city", '""Oslo'),
    'x,1,"Os""lo"x,1,1': ("city", '"Os""lo"x'),
    'x,1,"a,"b,1,1': ("city", '"a,"b'),
    '"x"y,1,"Oslo"z,1,1': ("id", '"x"y'),
    'x,1,"Oslo"\0,1,1': ("city", '"Oslo"\x00'),
    'x,1,"Köln"x,1,1': ("city", '"Köln"x'),
    'x,1,"Oslo"x': ("city", '"Oslo"x'),
    'x,1,Oslo,1,1,"6"x': ("cell 6", '"6"x'),
}


@pytest.mark.parametrize("line", GLUED)
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_text_behind_a_closing_quote_is_a_bad_row(
    data: Spans, line: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", block)
    count = 20
    column, cell = GLUED[line]
    where = column if column.startswith("cell") else f"column '{column}'"
    rows = [*lines(count), line, *lines(2, start=count)]
    path = data.base / "span-1" / "a.csv"
    message = (
        f"{path}, line {count + 2}, {where}: got {cell!r}, expected nothing between a closing "
        "quote and the next ','"
    )
    assert refusal(data, rows, "fail") == f"{message}\n  edit: {path}, or data.on_bad_row: drop"
    kept, read_, dropped, note = read(data, rows, "drop")
    assert (len(kept), read_, dropped, note) == (count + 2, count + 3, 1, message)


def test_where_a_backslash_seems_to_escape_the_dialect_is_named(data: Spans) -> None:
    text = refusal(data, ['x,1,"19\\" rack",1,1'], "fail")
    assert r"""column 'city': got '"19\\" rack"', expected""" in text
    assert r"the next ',' (where \ escapes a quote, say so in data.csv.escape)" in text


SPARK = Dialect(escape="\\")
MYSQL = Dialect(delimiter="\t", quote="", escape="\\", null_words=("\\N",))
DIALECTS: dict[str, tuple[Dialect, str, str | None]] = {
    "a quote escaped": (SPARK, r'"19\" rack"', '19" rack'),
    "an escape escaped": (SPARK, r'"a\\"', "a\\"),
    "an escape and a quote": (SPARK, r'"a\\\""', 'a\\"'),
    "a delimiter escaped": (SPARK, r"Paris\, TX", "Paris, TX"),
    "a delimiter in quotes": (SPARK, '"Paris, TX"', "Paris, TX"),
    "quotes doubled, with an escape elsewhere": (SPARK, r'"a""b\"c"', 'a"b"c'),
    "an escape before a letter": (SPARK, r"C:\temp\new", r"C:\temp\new"),
    "an escape before a letter in quotes": (SPARK, r'"C:\temp, x"', r"C:\temp, x"),
    "an escaped quote at the end": (SPARK, r'"\""', '"'),
    "no value": (MYSQL, r"\N", None),
    "text with a tab": (MYSQL, "Paris\\\tTX", "Paris\tTX"),
    "quotes that are text": (MYSQL, '"5" pipe', '"5" pipe'),
    "a control character that is text": (MYSQL, "\x1fParis\x1f", "\x1fParis\x1f"),
    "the same and an escaped tab": (MYSQL, "\x1f\\\t\x1f", "\x1f\t\x1f"),
    "a semicolon and a comma": (Dialect(delimiter=";"), "Paris, TX", "Paris, TX"),
    "a semicolon in quotes": (Dialect(delimiter=";"), '"Paris; TX"', "Paris; TX"),
    "single quotes": (Dialect(quote="'"), "'d''Or, \"x\"'", 'd\'Or, "x"'),
    "Hive's delimiter": (Dialect(delimiter="\x01", quote=""), '"a,b', '"a,b'),
    "a control as delimiter and nothing quoted": (Dialect("\x1f", ""), "\x1ea\x1e", "\x1ea\x1e"),
    "NA": (Dialect(null_words=("NA", "?")), "NA", None),
    "?": (Dialect(null_words=("NA", "?")), "?", None),
    "NA in quotes": (Dialect(null_words=("NA", "?")), '"NA"', None),
    "a word that is longer": (Dialect(null_words=("NA", "?")), "NANTES", "NANTES"),
    "NA where it is a word": (RFC_4180, "NA", "NA"),
    "a backslash where it is a character": (RFC_4180, r"C:\temp\N", r"C:\temp\N"),
}


@pytest.mark.parametrize("case", DIALECTS)
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_a_file_is_read_by_its_dialect(
    data: Spans, case: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", block)
    count = 20
    dialect, cell, value = DIALECTS[case]
    rows = [line.replace(",", dialect.delimiter) for line in [HEADER, *lines(count)]]
    for row in (2, count - 1):
        rows[row] = rows[row].replace("Paris", cell)
    data.schema.write_text(OPTIONAL_CITY)
    found, count_read, dropped, _ = read(data, "\n".join(rows).encode(), "fail", dialect)
    assert (count_read, dropped) == (count, 0)
    cities = {index: row["city"] for index, row in enumerate(found) if row["city"] != "Paris"}
    assert cities == {1: value, count - 2: value}
    assert [row["seats"] for row in found] == list(range(count))


def test_null_words_are_no_values_of_any_column(data: Spans) -> None:
    words = Dialect(null_words=("NA", "-999"))
    rows = read(data, ["a,1,Oslo,NA,-999", 'b,0,Oslo,-999,"NA"'], dialect=words)[0]
    assert [(row["temp"], row["seats"]) for row in rows] == [(None, None), (None, None)]
    text = refusal(data, ["a,NA,Oslo,1,1"], "fail")
    assert "column 'late': got 'NA', expected an integer" in text


def test_an_escape_that_ends_a_line_is_a_bad_row(data: Spans) -> None:
    rows = ["a,1,Oslo,1,1\\", "b,0,Oslo,1,1"]
    with pytest.raises(DataError) as caught:
        read(data, rows, dialect=SPARK)
    assert caught.value.message.partition("a.csv, ")[2] == (
        r"line 2, column 'seats': got '1\\', "
        "expected a character behind the escape that ends the line"
    )
    assert read(data, rows, "drop", SPARK)[1:3] == (2, 1)


SPECIALS = "a ,;\t\"'\\^\x1f"
FOUR = (RFC_4180, SPARK, Dialect(quote="'", delimiter=";", escape="^"), MYSQL)


def as_arrow_reads(line: bytes, cells: list[bytes], dialect: Dialect) -> list[bytes]:
    """The cells of a line, by the way that a file's go."""
    header = dialect.joined([f"c{index}".encode() for index in range(len(cells))]) + b"\n"
    given = line
    if 1 in dialect.suspects(header + line):
        given = dialect.as_arrow_reads(line) or dialect.joined(cells)
    names = [f"c{index}" for index in range(len(cells))]
    rows, broken = csv_lines._parse(header + given, names, dialect)
    assert not broken, line
    return [cell or b"" for cell in rows.to_pylist()[0].values()]


@pytest.mark.parametrize("dialect", FOUR, ids=["rfc", "spark", "other", "mysql"])
def test_cells_that_are_written_by_a_dialect_are_read_back(dialect: Dialect) -> None:
    chosen = random.Random(11)
    for _ in range(300):
        texts = (chosen.choices(SPECIALS, k=chosen.randint(1, 5)) for _ in "xyz")
        cells = ["".join(text) for text in texts]
        line = dialect.delimiter.join(written(cell, dialect) for cell in cells).encode()
        known = dialect.cells(line)
        assert known == [cell.encode() for cell in cells], line
        if known != [b"\\N"] * 3:
            assert as_arrow_reads(line, known, dialect) == known, line


@pytest.mark.parametrize("dialect", FOUR, ids=["rfc", "spark", "other", "mysql"])
def test_whatever_a_line_is_arrow_reads_what_the_dialect_does(dialect: Dialect) -> None:
    chosen = random.Random(12)
    read_ = 0
    for _ in range(1200):
        line = "".join(chosen.choices(SPECIALS, k=chosen.randint(1, 9))).encode()
        known = dialect.cells(line)
        if isinstance(known, Fault):
            assert 1 in dialect.suspects(b"header\n" + line)
            assert dialect.as_arrow_reads(line) is None
        else:
            assert as_arrow_reads(line, known, dialect) == known, line
            read_ += 1
    assert read_ > 100


def written(cell: str, dialect: Dialect) -> str:
    """A cell as a writer of the dialect writes it."""
    if dialect.escape:
        marks = {dialect.escape, dialect.quote, dialect.delimiter}
        cell = "".join(dialect.escape + one if one in marks else one for one in cell)
    elif dialect.quote:
        cell = cell.replace(dialect.quote, dialect.quote * 2)
    return f"{dialect.quote}{cell}{dialect.quote}"


def test_a_delimiter_that_is_another_is_named(data: Spans) -> None:
    content = b"id;late;city;temp;seats\na;1;Oslo;1;1\n"
    path = data.base / "span-1" / "a.csv"
    assert refusal(data, content, "fail").startswith(
        f"{path}: column 'id;late;city;temp;seats' is not in the schema; the key 'id' is missing; "
    )
    assert "(is ';' the delimiter? data.csv.delimiter)" in refusal(data, content, "fail")
