"""How a CSV file is written is found by trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.errors import DataError
from taxiway.scaffold.model.data.csv_form import CsvForm, sniff

NAMES = "name,size"


def form_of(text: str, encoding: str = "utf-8") -> CsvForm:
    return sniff(Path("file.csv"), text.encode(encoding), is_packed=False)


@pytest.mark.parametrize(
    ("text", "delimiter", "quote", "escape"),
    [
        ("a,b\nx,1\ny,2\n", ",", '"', ""),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";", '"', ""),
        ("a;b;c\n1,5;2,5;x\n3,5;4,5;y\n", ";", '"', ""),
        ("a\tb\nx, y\t1\nz, w\t2\n", "\t", '"', ""),
        ("a|b\nx|1\n", "|", '"', ""),
        ('a,b\n"x, y",1\n"z",2\n', ",", '"', ""),
        ('a,b\n"he said ""x, y""",1\n', ",", '"', ""),
        ('a,b\n"say \\"x, y\\", then",1\n"z",2\n', ",", '"', "\\"),
        ("'a','b'\n'x, y','1'\n'z','2'\n", ",", "'", ""),
        ("a,b\nit's,1\nthat's,2\n", ",", '"', ""),
    ],
)
def test_delimiter_quote_and_escape(text: str, delimiter: str, quote: str, escape: str) -> None:
    dialect = form_of(text).dialect
    assert (dialect.delimiter, dialect.quote, dialect.escape) == (delimiter, quote, escape)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding(encoding: str) -> None:
    form = form_of("größe,b\nä,1\n", encoding)
    assert form.encoding == encoding
    assert bool(form.repairs) == (encoding not in ("utf-8", "utf-8-sig"))


@pytest.mark.parametrize(
    ("text", "skip"),
    [
        ("sep=;\na;b\nx;1\n", 1),
        ("Report of 2020;;\n\nname;size;colour\nx;1;red\ny;2;blue\n", 2),
        ("a,b\nx,1\n", 0),
        ("\na,b\nx,1\n", 0),
    ],
)
def test_lines_above_the_names(text: str, skip: int) -> None:
    assert form_of(text).skip == skip


@pytest.mark.parametrize(
    "text",
    [
        "5.1,3.5,setosa\n4.9,3.0,setosa\n6.0,2.2,virginica\n",
        "1,2\n3,4\n5,6\n1,1\n",
        "x,y\nx,y\nx,z\n",
    ],
)
def test_a_file_without_names_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"first line looks like data|there is more than once"):
        form_of(text if text[0] != "1" else text.replace("1,2", "2,1", 1))


def test_years_may_be_names() -> None:
    assert form_of("country,2019,2020\nPeru,1,2\nChile,3,4\n").dialect.delimiter == ","


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no line"),
        ("a\nb\nc\n", "one column only"),
        ("a,b\n", "but no rows"),
        ("a,a\n1,2\n", "'a' is there more than once"),
    ],
)
def test_what_is_no_table_is_refused(text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        form_of(text)
