"""ArrowExampleGen: what it reads, what it refuses, and that no row is lost on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from components.arrow_example_gen import logic, reading, spans
from components.arrow_example_gen.logic import EVAL, TRAIN, Settings, Summary
from components.arrow_example_gen.spans import SpanRange
from configs.engines import ProcessWorkers
from configs.errors import ConfigError, DataError
from configs.schema import HashSplit, NamedSpan, NewestSpan, SpanWindow, TimeSplit
from workers.active import working

pytestmark = pytest.mark.pipeline

ROOT = Path(__file__).parents[2]
SCHEMA = """
feature { name: "id" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
feature { name: "late" type: INT presence { min_fraction: 1.0 } int_domain { min: 0 max: 1 } }
feature { name: "city" type: BYTES presence { min_fraction: 1.0 } }
feature { name: "temp" type: FLOAT presence { min_fraction: 0.5 } }
feature { name: "seats" type: INT presence { min_fraction: 0.5 } }
"""
HEADER = "id,late,city,temp,seats"
BY_HASH = 5000  # train buckets of 10,000


class Spans:
    """Span files of a test, written by hand."""

    def __init__(self, folder: Path) -> None:
        self.base = folder / "spans"
        self.schema = folder / "schema.pbtxt"
        self.schema.write_text(SCHEMA)
        self.out = folder / "out"
        self.settings = Settings(str(self.schema), "id", "late", "fail", BY_HASH, 2)

    def csv(self, lines: list[str] | bytes, span: int = 1, name: str = "a.csv") -> Path:
        path = self.base / f"span-{span}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = lines if isinstance(lines, bytes) else "\n".join([HEADER, *lines, ""]).encode()
        path.write_bytes(content)
        return path

    def parquet(self, table: pa.Table, span: int = 1, name: str = "a.parquet") -> Path:
        path = self.base / f"span-{span}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        return path

    def resolve(self, length: int = 1, last: int | None = None, kind: str = "*") -> spans.Resolved:
        wanted = SpanRange(length, last)
        return spans.resolve(str(self.base), f"span-{{SPAN}}/{kind}", wanted, str(self.schema))

    def convert(self, length: int = 1, **changes: Any) -> Summary:
        uris = {name: str(self.out / f"Split-{name}") for name in logic.SPLITS}
        return logic.convert(self.resolve(length).files, replace(self.settings, **changes), uris)

    def examples(self, split: str) -> dict[bytes, dict[str, Any]]:
        """What TensorFlow reads from the output: rows by key, None for a feature without value."""
        import tensorflow as tf

        rows = {}
        for path in sorted((self.out / f"Split-{split}").iterdir()):
            compression = "GZIP" if path.suffix == ".gz" else ""
            for record in tf.data.TFRecordDataset(str(path), compression_type=compression):
                features = tf.train.Example.FromString(record.numpy()).features.feature
                row = {name: _value(feature) for name, feature in features.items()}
                rows[row["id"]] = row
        return rows


def _value(feature: Any) -> Any:
    kind = feature.WhichOneof("kind")
    return getattr(feature, kind).value[0] if kind else None


def lines(count: int, start: int = 0) -> list[str]:
    return [f"row-{i},{i % 2},Paris,{i}.5,{i}" for i in range(start, start + count)]


def table(count: int, **changed: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "id": [f"row-{i}" for i in range(count)],
        "late": [i % 2 for i in range(count)],
        "city": ["Paris"] * count,
        "temp": [i + 0.5 for i in range(count)],
        "seats": list(range(count)),
    }
    return pa.table(columns | changed)


@pytest.fixture
def data(tmp_path: Path) -> Spans:
    return Spans(tmp_path)


def refused(data: Spans, **changes: Any) -> str:
    """The message of the DataError; nothing may be left in the output then."""
    with pytest.raises(DataError) as caught:
        data.convert(**changes)
    assert not list(data.out.glob("*/data_tfrecord*")) or "split" in caught.value.message
    return str(caught.value)


# --- rows in, rows out ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_examples_have_the_values_of_the_file(data: Spans, kind: str) -> None:
    if kind == "csv":
        data.csv(["a,1,Paris,1.5,7", "b,0,Köln,,", "c,0,Rome,nan,9", "d,1,Oslo,-2,0"])
    else:
        rows = {"id": list("abcd"), "late": [1, 0, 0, 1], "city": ["Paris", "Köln", "Rome", "Oslo"]}
        rows |= {"temp": [1.5, None, float("nan"), -2], "seats": [7, None, 9, 0]}
        data.parquet(pa.table(rows))
    every = data_all(data)
    assert every[b"a"] == {"id": b"a", "late": 1, "city": b"Paris", "temp": 1.5, "seats": 7}
    assert every[b"b"] == {
        "id": b"b",
        "late": 0,
        "city": "Köln".encode(),
        "temp": None,
        "seats": None,
    }
    assert every[b"c"]["temp"] is None
    assert every[b"d"] == {"id": b"d", "late": 1, "city": b"Oslo", "temp": -2.0, "seats": 0}


def data_all(data: Spans) -> dict[bytes, dict[str, Any]]:
    """Converts so that both splits hold the same few rows: one span to train, a copy to eval."""
    source = next((data.base / "span-1").iterdir())
    copy = data.base / "span-2" / source.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(source.read_bytes())
    data.convert(length=2, train_buckets=None)
    assert data.examples(TRAIN) == data.examples(EVAL)
    return data.examples(TRAIN)


def test_rows_in_equal_rows_out_by_count_and_digest(data: Spans) -> None:
    data.csv(lines(50_000))
    summary = data.convert()
    assert (summary.rows_read, summary.rows_dropped) == (50_000, 0)
    files = {name: map(str, (data.out / f"Split-{name}").iterdir()) for name in logic.SPLITS}
    on_disk = {name: logic.read_back(list(paths), "id") for name, paths in files.items()}
    assert on_disk == summary.splits
    assert sum(tally.rows for tally in on_disk.values()) == 50_000
    assert summary.splits[EVAL].rows / 50_000 == pytest.approx(0.5, abs=0.02)


def test_a_row_lost_on_the_way_is_found(data: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    data.csv(lines(100))
    write = logic.Writers.write
    monkeypatch.setattr(
        logic.Writers, "write", lambda self, name, rows: write(self, name, rows.slice(1))
    )
    assert "is not what was read" in refused(data)


def test_each_split_has_the_files_of_its_shards_named_as_tfx_does(data: Spans) -> None:
    data.csv(lines(100))
    data.convert(shards=3)
    data.convert(shards=2)
    assert sorted(path.name for path in (data.out / "Split-eval").iterdir()) == [
        "data_tfrecord-00000-of-00002.gz",
        "data_tfrecord-00001-of-00002.gz",
    ]


def test_files_are_dealt_to_parts_that_are_about_equal_and_leave_none_out(data: Spans) -> None:
    for span, rows in enumerate((10, 10, 400, 10, 10, 200, 190), start=1):
        data.csv(lines(rows, start=1000 * span), span)
    files = data.resolve(7).files
    for count in range(1, 9):
        bounds = [(part.first, part.last) for part in logic._parts(files, count)]
        assert len(bounds) == min(count, 7)
        assert [index for low, high in bounds for index in range(low, high or 0)] == list(range(7))
    assert [(part.first, part.last) for part in logic._parts(files, 2)] == [(0, 3), (3, 7)]


def test_parts_give_the_same_rows_whoever_converts_them(data: Spans) -> None:
    for span in (1, 2, 3):
        data.csv(lines(100, start=1000 * span), span)
    one = data.convert(length=3, shards=1)
    whole = {split: data.examples(split) for split in logic.SPLITS}
    with working(ProcessWorkers(kind="processes", count=2)):
        parts = data.convert(length=3, shards=3)
    assert {split: data.examples(split) for split in logic.SPLITS} == whole
    assert (parts.digest, parts.splits, parts.rows_read) == (one.digest, one.splits, one.rows_read)


def test_a_part_without_rows_of_a_split_leaves_no_empty_file(data: Spans) -> None:
    for span in (1, 2):
        data.csv(lines(100, start=1000 * span), span)
    data.convert(length=2, train_buckets=None, shards=2)
    names = [sorted(path.name for path in data.out.glob(f"Split-{s}/*")) for s in logic.SPLITS]
    assert names == [["data_tfrecord-00000-of-00002.gz"], ["data_tfrecord-00001-of-00002.gz"]]
    assert sorted(path.name for path in data.out.iterdir()) == ["Split-eval", "Split-train"]


def test_examples_need_not_be_compressed(data: Spans) -> None:
    data.csv(lines(100))
    data.convert()
    packed = {split: data.examples(split) for split in logic.SPLITS}
    data.convert(compression="none")
    assert not list(data.out.glob("*/*.gz"))
    assert {split: data.examples(split) for split in logic.SPLITS} == packed


def test_csv_and_parquet_give_the_same_examples(data: Spans, tmp_path: Path) -> None:
    other = Spans(tmp_path / "other") if (tmp_path / "other").mkdir() is None else data
    data.parquet(table(1000))
    other.base.joinpath("span-1").mkdir(parents=True)
    pa_csv.write_csv(table(1000), other.base / "span-1" / "a.csv")
    assert data.convert().digest == other.convert().digest
    for split in logic.SPLITS:
        assert data.examples(split) == other.examples(split)


def test_the_same_input_gives_the_same_examples_in_the_same_order(data: Spans) -> None:
    data.csv(lines(1000))
    found = []
    for _ in range(2):
        data.convert()
        found.append([list(data.examples(split).items()) for split in logic.SPLITS])
    assert found[0] == found[1]


def test_a_quoted_comma_spaces_around_a_number_and_empty_lines_are_read(data: Spans) -> None:
    data.csv(b'id,late,city,temp,seats\r\na, 1,"Paris, TX", 1.5 ,7\r\n\r\nb,0,Oslo,2,8\r\n')
    assert data_all(data)[b"a"] == {
        "id": b"a",
        "late": 1,
        "city": b"Paris, TX",
        "temp": 1.5,
        "seats": 7,
    }


# --- splits -----------------------------------------------------------------------------------


def test_the_hash_split_does_not_depend_on_row_order_files_or_format(data: Spans) -> None:
    data.csv(lines(500))
    first = data.convert()
    one = {split: set(data.examples(split)) for split in logic.SPLITS}
    data.csv(list(reversed(lines(200))))
    data.parquet(table(500).slice(200), name="b.parquet")
    second = data.convert()
    assert {split: set(data.examples(split)) for split in logic.SPLITS} == one
    assert (first.digest, first.splits) == (second.digest, second.splits)


def test_the_hash_of_a_key_is_the_same_for_good() -> None:
    assert logic.hash_keys([b"row-1", b""]).tolist() == [15844874809322270300, 13020603013274838756]


def test_the_time_split_puts_the_newest_span_into_eval(data: Spans) -> None:
    for span in (1, 2, 3):
        data.csv(lines(10, start=100 * span), span)
    data.convert(length=3, train_buckets=None)
    assert set(data.examples(EVAL)) == {f"row-{i}".encode() for i in range(300, 310)}
    assert len(data.examples(TRAIN)) == 20


def test_a_split_without_rows_is_refused(data: Spans) -> None:
    data.csv(lines(10))
    assert "the eval split has no rows, of 10 read" in refused(data, train_buckets=10_000)


def test_a_split_with_one_class_of_label_is_refused(data: Spans) -> None:
    data.csv([line.replace(",0,", ",1,") for line in lines(100)])
    assert "one class of label only: late is 1" in refused(data)


# --- bad files and rows -----------------------------------------------------------------------

BAD_ROWS = {
    "a word in a number column": ("x,1,Oslo,warm,3", "column 'temp': got 'warm', expected a fin"),
    "a fraction in an integer column": ("x,1,Oslo,1,3.5", "'seats': got '3.5', expected an integ"),
    "a number too large": ("x,1,Oslo,1,99999999999999999999", "'seats': got '9999"),
    "infinity": ("x,1,Oslo,inf,1", "'temp': got 'inf', expected a finite number"),
    "an empty label": ("x,,Oslo,1,3", "column 'late': got nothing, expected a value"),
    "a NaN label": ("x,nan,Oslo,1,3", "column 'late': got 'nan', expected an integer"),
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
    columns = reading.read_columns(str(data.schema), "id", "late")
    batches = list(reading.read_rows(str(path), columns, "drop"))
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


def test_a_missing_label_in_parquet_is_named_by_file_and_row(data: Spans) -> None:
    path = data.parquet(table(4, late=[0.0, 1.0, float("nan"), 1.0]))
    assert f"{path}, row 3, column 'late': got nothing" in refused(data)


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


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_an_empty_file_is_named(data: Spans, name: str) -> None:
    path = data.csv(b"", name=name)
    assert f"{path} cannot be read as" in refused(data)


def test_an_unreadable_parquet_file_is_named(data: Spans) -> None:
    path = data.parquet(table(10))
    path.write_bytes(path.read_bytes()[:-20])
    assert f"{path} cannot be read as Parquet" in refused(data)


def test_a_schema_that_does_not_know_the_label_is_refused(data: Spans) -> None:
    data.csv(lines(4))
    assert "the label 'latte' must be a feature of type INT; did you mean 'late'" in refused(
        data, label="latte"
    )


# --- spans ------------------------------------------------------------------------------------


def test_spans_are_found_by_number_not_by_name(data: Spans) -> None:
    for span in (9, 10, 11):
        data.csv(lines(4), span)
    assert data.resolve().spans == (11,)
    assert data.resolve(length=3).patterns == ("span-9/*", "span-10/*", "span-11/*")
    assert data.resolve(length=2, last=10).spans == (9, 10)
    assert data.resolve(last=9).spans == (9,)


def test_zero_padded_spans_are_found_where_the_pattern_says_the_width(data: Spans) -> None:
    for name in ("span-08", "span-09", "span-7", ".tmp-1"):
        (data.base / name).mkdir(parents=True)
        (data.base / name / "a.csv").write_text("")
    found = spans.resolve(str(data.base), "span-{SPAN:2}/*.csv", SpanRange(2), str(data.schema))
    assert found.patterns == ("span-08/*.csv", "span-09/*.csv")


@pytest.mark.parametrize(("length", "last"), [(1, 7), (4, None), (3, 2), (1, 13)])
def test_a_span_out_of_range_is_told_with_those_that_exist(
    data: Spans, length: int, last: int | None
) -> None:
    for span in (1, 2, 4):
        data.csv(lines(4), span)
    with pytest.raises(DataError, match=r"(?s)spans that exist: 1, 2, 4.*data\.spans.*taxiway dat"):
        data.resolve(length, last)


def test_an_empty_span_is_refused_even_if_it_is_the_newest(data: Spans) -> None:
    data.csv(lines(4), 1)
    (data.base / "span-2").mkdir()
    with pytest.raises(DataError, match=r"span 2 is empty: no file matches .*span-2/\*\.parquet"):
        data.resolve(kind="*.parquet")


def test_no_span_at_all_is_refused(data: Spans) -> None:
    with pytest.raises(DataError, match=r"(?s)no span exists below .*taxiway data"):
        data.resolve()


@pytest.mark.parametrize("pattern", ["*.csv", "{SPAN}/{SPAN}", "{YYYY}/{SPAN}", "a,{SPAN}"])
def test_a_pattern_without_exactly_one_span_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.pattern: got"):
        spans.check_pattern(pattern)


def test_the_fingerprint_sees_every_file_and_the_schema(data: Spans) -> None:
    data.csv(lines(4), 1)
    path = data.csv(lines(4), 2)
    seen = [data.resolve(length=2).fingerprint]
    assert data.resolve(length=2).fingerprint == seen[0]
    path.write_text("changed")
    seen.append(data.resolve(length=2).fingerprint)
    data.csv(lines(1), 1, name="b.csv")
    seen.append(data.resolve(length=2).fingerprint)
    data.schema.write_text(SCHEMA + "# changed\n")
    seen.append(data.resolve(length=2).fingerprint)
    assert len(set(seen)) == 4


# --- disks and memory -------------------------------------------------------------------------


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


MEMORY = """
import sys
import tensorflow as tf
from components.arrow_example_gen import logic, reading, spans
base, schema, out = sys.argv[1:]
files = spans.resolve(base, "span-{SPAN}/*", spans.SpanRange(1), schema).files
settings = logic.Settings(schema, "id", "late", "fail", 5000, 2)
logic.convert(files, settings, {name: f"{out}/Split-{name}" for name in logic.SPLITS})
# Not ru_maxrss: a child inherits the peak of the process that started it.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_file(data: Spans, kind: str) -> None:
    def peak_megabytes(count: int) -> float:
        if kind == "csv":
            size = data.csv(lines(count)).stat().st_size
        else:
            size = data.parquet(table(count)).stat().st_size
        arguments = [str(data.base), str(data.schema), str(data.out)]
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, *arguments], capture_output=True, cwd=ROOT, check=True
        )
        assert size > 1_000_000
        return int(done.stdout) / 1024

    # The smaller file too is large enough to fill the reader's buffers, which are not at issue.
    small, large = peak_megabytes(300_000), peak_megabytes(1_200_000)
    assert large - small < 40, (
        f"{small:.0f} MB for 300,000 rows, {large:.0f} MB for four times that"
    )


# --- the TFX face -----------------------------------------------------------------------------


def component(data: Spans, **changes: Any) -> Any:
    from components.arrow_example_gen.component import ArrowExampleGen

    arguments: dict[str, Any] = {"spans": SpanWindow(kind="window", length=2)}
    arguments |= {"split": TimeSplit(kind="time"), "schema_file": str(data.schema)}
    arguments |= {"pattern": "span-{SPAN}/*.csv", "key": "id", "label": "late"}
    return ArrowExampleGen(str(data.base), **(arguments | changes))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (NewestSpan(kind="newest"), (3,)),
        (NamedSpan(kind="named", span=1), (1,)),
        (SpanWindow(kind="window", length=2), (2, 3)),
        (SpanWindow(kind="window", length=2, end=2), (1, 2)),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_every_kind_of_span_reaches_the_driver_through_the_spec(
    data: Spans, wanted: Any, expected: tuple[int, ...]
) -> None:
    from components.arrow_example_gen.executor import resolve_spans

    for span in (1, 2, 3):
        data.csv(lines(4), span)
    properties = json_properties(component(data, spans=wanted))
    assert resolve_spans(properties).spans == expected


def json_properties(node: Any) -> dict[str, Any]:
    """Execution properties as an executor gets them: protos as JSON."""
    from google.protobuf.message import Message
    from tfx.utils import proto_utils

    return {
        key: proto_utils.proto_to_json(value) if isinstance(value, Message) else value
        for key, value in node.exec_properties.items()
    }


@pytest.mark.parametrize(
    "split", [HashSplit(kind="hash", eval_fraction=0.3), TimeSplit(kind="time")]
)
def test_settings_survive_the_way_through_the_spec(data: Spans, split: Any) -> None:
    from components.arrow_example_gen.executor import read_settings

    node = component(data, split=split, on_bad_row="drop", shards=5)
    buckets = 7000 if split.kind == "hash" else None
    assert read_settings(json_properties(node)) == Settings(
        str(data.schema), "id", "late", "drop", buckets, 5
    )


def test_without_a_driver_the_executor_resolves_the_spans_itself(data: Spans) -> None:
    from tfx.types import standard_artifacts

    from components.arrow_example_gen.executor import Executor

    for span in (1, 2):
        data.csv(lines(10), span)
    examples = standard_artifacts.Examples()
    examples.uri = str(data.out)
    Executor().Do({}, {"examples": [examples]}, json_properties(component(data)))
    assert examples.get_int_custom_property("span") == 2
    assert examples.get_string_custom_property("input_fingerprint").startswith("spans:1-2,")


def test_a_file_that_changed_since_the_driver_looked_stops_the_executor(data: Spans) -> None:
    from tfx.types import standard_artifacts

    from components.arrow_example_gen.component import Driver
    from components.arrow_example_gen.executor import Executor

    for span in (1, 2):
        data.csv(lines(10), span)
    properties = json_properties(component(data))
    Driver.resolve_exec_properties(object.__new__(Driver), properties, None, None)
    data.csv(lines(12), 2)
    examples = standard_artifacts.Examples()
    examples.uri = str(data.out)
    with pytest.raises(DataError, match="changed while it was read"):
        Executor().Do({}, {"examples": [examples]}, properties)


def test_a_second_run_is_cached_until_a_file_changes(data: Spans, tmp_path: Path) -> None:
    for span in (1, 2):
        data.csv(lines(10, start=100 * span), span)
    assert run_pipeline(data, tmp_path) == ["COMPLETE"]
    assert run_pipeline(data, tmp_path) == ["COMPLETE", "CACHED"]
    data.csv(lines(20, start=100), 1)
    assert run_pipeline(data, tmp_path) == ["COMPLETE", "CACHED", "COMPLETE"]
    first, second = (properties_of(artifact) for artifact in artifacts(tmp_path))
    assert (first["rows_train"], first["rows_eval"], first["rows_read"]) == (10, 10, 20)
    assert (second["rows_train"], second["rows_eval"], second["rows_dropped"]) == (20, 10, 0)
    assert first["span"] == second["span"] == 2
    assert first["digest"] != second["digest"]
    assert first["input_fingerprint"] != second["input_fingerprint"]
    assert first["payload_format"] == "FORMAT_TF_EXAMPLE"
    assert first["file_format"] == "tfrecords_gzip"
    uri = Path(artifacts(tmp_path)[0].uri)
    assert artifacts(tmp_path)[0].properties["split_names"].string_value == '["train", "eval"]'
    assert (uri / "Split-train" / "data_tfrecord-00000-of-00004.gz").is_file()


def test_a_missing_span_stops_the_run_with_its_own_message(data: Spans, tmp_path: Path) -> None:
    data.csv(lines(10), 1)
    with pytest.raises(Exception, match=r"span 0 cannot be found in .*spans that exist: 1"):
        run_pipeline(data, tmp_path)


def store(folder: Path) -> Any:
    from ml_metadata import metadata_store
    from tfx.orchestration import metadata

    config = metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
    return metadata_store.MetadataStore(config)


def run_pipeline(data: Spans, folder: Path) -> list[str]:
    """Runs a pipeline of this one node and returns the states of all its executions so far."""
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.beam import beam_dag_runner

    one = pipeline.Pipeline(
        pipeline_name="one-node",
        pipeline_root=str(folder / "root"),
        components=[component(data)],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(folder / "metadata.sqlite")
        ),
    )
    beam_dag_runner.BeamDagRunner().run(one)
    executions = sorted(store(folder).get_executions(), key=lambda execution: execution.id)
    states = metadata_store_pb2.Execution.State
    return [states.Name(execution.last_known_state) for execution in executions]


def artifacts(folder: Path) -> list[Any]:
    return sorted(store(folder).get_artifacts_by_type("Examples"), key=lambda found: found.id)


def properties_of(artifact: Any) -> dict[str, Any]:
    return {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in artifact.custom_properties.items()
    }
