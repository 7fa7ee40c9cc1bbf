"""What ArrowExampleGen refuses: bad files and rows, spans that are not there, full disks."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from taxiway.arrow.ingest import reading
from taxiway.arrow.ingest.rows.columns import read_columns
from taxiway.errors import DataError, TaxiwayError
from tests.taxiway.arrow.ingest.conftest import HEADER, ROOT, SCHEMA, Spans, lines, refused, table

pytestmark = pytest.mark.pipeline

BAD_ROWS = {
    "a word in a number column": ("x,1,Oslo,warm,3", "column 'temp': got 'warm', expected a fin"),
    "a fraction in an integer column": ("x,1,Oslo,1,3.5", "'seats': got '3.5', expected an integ"),
    "a number too large": ("x,1,Oslo,1,99999999999999999999", "'seats': got '9999"),
    "infinity": ("x,1,Oslo,inf,1", "'temp': got 'inf', expected a finite number"),
    "a word in place of the label": ("x,late,Oslo,1,3", "'late': got 'late', expected an integer"),
    "a label outside its domain": ("x,2,Oslo,1,3", "column 'late': got 2, expected 0 to 1"),
    "an empty key": (",1,Oslo,1,3", "column 'id': got nothing"),
    "an empty required column": ("x,1,,1,3", "column 'city': got nothing"),
    "too few cells": ("x,1", "got 2 cells, expected 5: 'x,1'"),
    "too many cells": ("x,1,Oslo,1,3,4", "got 6 cells, expected 5"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_named_by_file_line_column_and_value(data: Spans, case: str) -> None:
    row, message = BAD_ROWS[case]
    path = data.csv([*lines(20), "", row, *lines(20, start=20)])
    text = refused(data)
    assert f"{path}, line 23" in text
    assert message in text
    assert "data.on_bad_row: drop" in text


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_left_out_and_counted_where_the_config_says_so(data: Spans, case: str) -> None:
    row, message = BAD_ROWS[case]
    data.csv([*lines(20), "", row, *lines(20, start=20), row])
    summary = data.convert(on_bad_row="drop")
    assert (summary.rows_read, summary.rows_dropped) == (42, 2)
    assert sum(tally.rows for tally in summary.splits.values()) == 40
    assert "line 23" in summary.first_dropped
    assert message in summary.first_dropped


def test_a_bad_row_far_into_a_large_file_is_placed_exactly(data: Spans) -> None:
    path = data.csv([*lines(200_000), "x,1,Oslo,warm,3", "y,1,Oslo,cold,3"])
    assert f"{path}, line 200002, column 'temp': got 'warm'" in refused(data)


def test_a_bad_row_after_broken_ones_is_placed_exactly(data: Spans) -> None:
    path = data.csv([*lines(3), "", "broken", *lines(3, start=3), "x,1,Oslo,warm,3"])
    columns = read_columns(str(data.schema), "id", "late")
    batches = list(reading.read_rows(str(path), columns, reading.Source(on_bad_row="drop")))
    assert sum(batch.read for batch in batches) == 8
    assert sum(batch.dropped for batch in batches) == 2
    assert f"{path}, line 10, column 'temp'" in batches[0].first_dropped


def test_text_that_is_not_utf8_is_named_by_file_and_line(data: Spans) -> None:
    head = "\n".join([HEADER, *lines(5)]).encode()
    path = data.csv(head + b"\nx,1,K\xf6ln,1,3\n")
    text = refused(data)
    assert f"{path}, line 7, column 'city': got 'K\\\\xf6ln', expected UTF-8 text" in text


def test_parquet_text_that_is_not_utf8_is_named_by_file_and_row(data: Spans) -> None:
    cities = pa.array([b"Paris", b"K\xf6ln"] * 5, pa.binary())
    path = data.parquet(table(10, city=cities))
    assert f"{path}, row 2, column 'city'" in refused(data)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("x,1,,1,3", "presence of 'city'"),
        ("x,1,Oslo,warm,3", "type of 'temp'"),
        ("x,2,Oslo,1,3", "int_domain of 'late'"),
    ],
)
def test_where_the_schema_could_be_otherwise_its_file_is_named_too(
    data: Spans, row: str, field: str
) -> None:
    path = data.csv([*lines(20), row])
    assert refused(data).endswith(
        f"edit: {path}, {field} in {data.schema}, or data.on_bad_row: drop"
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(["seats"]), "column 'seats' is missing"),
        (lambda rows: rows.append_column("gate", rows["seats"]), "column 'gate' is not in the sch"),
        (
            lambda rows: rows.rename_columns(["id", "late", "city", "tmp", "seats"]),
            "column 'tmp' is not in the schema; did you mean 'temp'?; column 'temp' is missing",
        ),
        (
            lambda rows: rows.append_column("temp", rows["temp"]),
            "column 'temp' appears more than once",
        ),
    ],
    ids=["missing", "extra", "renamed", "twice"],
)
def test_other_columns_than_the_schema_are_refused(
    data: Spans, kind: str, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    changed = change(table(10))
    path = data.base / "span-1" / f"a.{kind}"
    path.parent.mkdir(parents=True)
    (pa_csv.write_csv if kind == "csv" else pq.write_table)(changed, path)
    text = refused(data)
    assert f"{path}: " in text
    assert message in text


def test_a_parquet_column_of_another_type_is_refused(data: Spans) -> None:
    path = data.parquet(table(3, temp=["1.5", "2.5", "3.5"]))
    assert f"{path}: column 'temp' has type string, expected FLOAT" in refused(data)


def test_an_empty_parquet_file_is_named(data: Spans) -> None:
    path = data.csv(b"", name="a.parquet")
    assert f"{path} cannot be read as Parquet" in refused(data)


def test_an_unreadable_parquet_file_is_named(data: Spans) -> None:
    path = data.parquet(table(10))
    path.write_bytes(path.read_bytes()[:-20])
    assert f"{path} cannot be read as Parquet" in refused(data)


def test_a_schema_that_does_not_know_the_label_is_refused(data: Spans) -> None:
    data.csv(lines(4))
    assert refused(data, label="latte") == (
        f"{data.schema}: the label 'latte' is no feature of it, expected one of type INT or FLOAT "
        "or BYTES; did you mean 'late'? (features: 'id', 'late', 'city', 'temp', 'seats')\n"
        f"  edit: {data.schema}, or label in the model's FeatureSpec"
    )


def test_an_output_below_a_file_is_told_with_path_and_key(data: Spans) -> None:
    data.csv(lines(10))
    data.out.write_text("a file")
    with pytest.raises(DataError, match=r"(?s)cannot be written to .*out/Split-.*output\.root"):
        data.convert()


@pytest.fixture
def tiny_disk(data: Spans) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    data.out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(data.out)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield data.out
    subprocess.run(["umount", str(data.out)], check=True)


def test_a_full_disk_is_told_with_its_path_and_leaves_nothing(data: Spans, tiny_disk: Path) -> None:
    data.csv(lines(200_000))
    with pytest.raises(DataError, match=r"(?s)cannot be written to .*Split-.*[Nn]o space"):
        data.convert()
    assert list(tiny_disk.iterdir()) == []


def test_a_file_of_many_other_columns_is_told_in_few_words(data: Spans) -> None:
    extra = {f"{'c' * 500}{number}": [1] for number in range(2000)}
    path = data.parquet(table(1, **extra))
    text = refused(data)
    assert text.startswith(f"{path}: column '{'c' * 80}' is not in the schema; ")
    assert "; 1995 columns more are missing or not in the schema" in text
    assert len(text) < 1500


SCHEMAS = {
    "a feature twice": (
        SCHEMA + 'feature { name: "temp" type: INT }',
        "the feature 'temp' is there more than once\n  edit: {path}: remove all but one",
    ),
    "an unknown field": (
        SCHEMA + 'feature { name: "x" tipe: INT }',
        'is no TFMD schema: 7:23 : Message type "tensorflow.metadata.v0.Feature" has no field '
        'named "tipe".\n  edit: {path}',
    ),
    "no text": (
        b"\xff\xfe\0",
        "is no TFMD schema: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
        "\n  edit: {path}",
    ),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_a_schema_that_cannot_be_used_is_told_with_its_file(data: Spans, case: str) -> None:
    content, reason = SCHEMAS[case]
    data.csv(lines(4))
    data.schema.write_bytes(content if isinstance(content, bytes) else content.encode())
    separator = ": " if reason.startswith("the") else " "
    with pytest.raises(TaxiwayError) as caught:
        data.convert()
    text = re.sub(r"\d+:\d+ :", "7:23 :", str(caught.value))  # protobufs count differently
    assert text == f"{data.schema}{separator}{reason.format(path=data.schema)}"


EXPLOIT = """
import pathlib, pickle, sys
from taxiway.arrow.ingest import reading
from taxiway.arrow.ingest.rows.columns import read_columns
import pyarrow as pa, pyarrow.parquet as pq
from taxiway.errors import DataError, TaxiwayError
folder, schema = sys.argv[1:]
class Payload:
    def __reduce__(self):
        return exec, (f"open({folder + '/pwned'!r}, 'w')",)
mark = {"ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Payload())}
field = pa.field("id", pa.int64(), metadata=mark)
path = folder + "/a.parquet"
pq.write_table(pa.table([pa.array([1])], pa.schema([field])), path)
try:
    columns = read_columns(schema, "id", "late")
    print(list(reading.read_rows(path, columns, reading.Source())))
except DataError as error:
    print(error)
assert "apache_beam" not in sys.modules
"""


def test_a_column_that_would_run_code_is_refused_without_running_it(data: Spans) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXPLOIT, str(data.schema.parent), str(data.schema)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    path = data.schema.parent / "a.parquet"
    assert not path.with_name("pwned").exists()
    assert str(path) in done.stdout
    assert f"edit: {path}" in done.stdout


def test_more_files_than_may_be_open_are_refused_before_the_first(data: Spans) -> None:
    data.csv(lines(30))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, limit[1]))
    try:
        text = refused(data, shards=10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert text == (
        "data.shards: a worker would write 20000 files at a time, but may have 1000 open all in "
        "all\n  edit: data.shards: at most 400 for each worker; or raise the limit with `ulimit -n`"
    )
