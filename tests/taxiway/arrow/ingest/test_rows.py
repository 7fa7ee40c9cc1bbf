"""Rows in are rows out, in the right split."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from taxiway.arrow.ingest import convert as logic
from taxiway.arrow.ingest import duplicates
from taxiway.arrow.ingest.rows import counting
from taxiway.arrow.ingest.summary import SPLITS
from taxiway.modeling.names import EVAL_SPLIT as EVAL
from taxiway.modeling.names import TRAIN_SPLIT as TRAIN
from taxiway.workers.active import working
from taxiway.workers.processes import ProcessWorkers
from tests.taxiway.arrow.ingest.conftest import ROOT, Spans, lines, refused, table

pytestmark = pytest.mark.pipeline


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
    files = {name: map(str, (data.out / f"Split-{name}").iterdir()) for name in SPLITS}
    on_disk = {name: counting.read_back(list(paths), "id") for name, paths in files.items()}
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
    whole = {split: data.examples(split) for split in SPLITS}
    with working(ProcessWorkers(kind="processes", count=2)):
        parts = data.convert(length=3, shards=3)
    assert {split: data.examples(split) for split in SPLITS} == whole
    assert (parts.digest, parts.splits, parts.rows_read) == (one.digest, one.splits, one.rows_read)


def test_a_part_without_rows_of_a_split_leaves_no_empty_file(data: Spans) -> None:
    for span in (1, 2):
        data.csv(lines(100, start=1000 * span), span)
    data.convert(length=2, train_buckets=None, shards=2)
    names = [sorted(path.name for path in data.out.glob(f"Split-{s}/*")) for s in SPLITS]
    assert names == [["data_tfrecord-00000-of-00002.gz"], ["data_tfrecord-00001-of-00002.gz"]]
    assert sorted(path.name for path in data.out.iterdir()) == ["Split-eval", "Split-train"]


def test_examples_need_not_be_compressed(data: Spans) -> None:
    data.csv(lines(100))
    data.convert()
    packed = {split: data.examples(split) for split in SPLITS}
    data.convert(compression="none")
    assert not list(data.out.glob("*/*.gz"))
    assert {split: data.examples(split) for split in SPLITS} == packed


def test_csv_and_parquet_give_the_same_examples(data: Spans, tmp_path: Path) -> None:
    other = Spans(tmp_path / "other") if (tmp_path / "other").mkdir() is None else data
    data.parquet(table(1000))
    other.base.joinpath("span-1").mkdir(parents=True)
    pa_csv.write_csv(table(1000), other.base / "span-1" / "a.csv")
    assert data.convert().digest == other.convert().digest
    for split in SPLITS:
        assert data.examples(split) == other.examples(split)


def test_the_same_input_gives_the_same_examples_in_the_same_order(data: Spans) -> None:
    data.csv(lines(1000))
    found = []
    for _ in range(2):
        data.convert()
        found.append([list(data.examples(split).items()) for split in SPLITS])
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


def test_the_hash_split_does_not_depend_on_row_order_files_or_format(data: Spans) -> None:
    data.csv(lines(500))
    first = data.convert()
    one = {split: set(data.examples(split)) for split in SPLITS}
    data.csv(list(reversed(lines(200))))
    data.parquet(table(500).slice(200), name="b.parquet")
    second = data.convert()
    assert {split: set(data.examples(split)) for split in SPLITS} == one
    assert (first.digest, first.splits) == (second.digest, second.splits)


def test_the_hash_of_a_key_is_the_same_for_good() -> None:
    assert counting.hash_keys([b"row-1", b""]).tolist() == [
        15844874809322270300,
        13020603013274838756,
    ]


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


GIVEN_BACK = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "0",
}
"""What is freed goes back to the system, so that the peak is of what is held."""
MEMORY = """
import sys
import tensorflow as tf
from taxiway.arrow.ingest import convert as logic
from taxiway.arrow.ingest import reading
from taxiway.arrow.ingest import spans
from taxiway.arrow.ingest.summary import SPLITS, Settings
base, schema, out = sys.argv[1:]
files = spans.resolve(base, "span-{SPAN}/*", spans.SpanRange(1), schema).files
settings = Settings(schema, "id", "late", "fail", 5000, 2)
logic.convert(files, settings, {name: f"{out}/Split-{name}" for name in SPLITS})
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
            [sys.executable, "-c", MEMORY, *arguments],
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, **GIVEN_BACK},
            check=True,
        )
        assert size > 1_000_000
        return int(done.stdout) / 1024

    # The smaller file too is large enough to fill the reader's buffers, which are not at issue.
    small, large = peak_megabytes(300_000), peak_megabytes(1_200_000)
    assert large - small < 40, (
        f"{small:.0f} MB for 300,000 rows, {large:.0f} MB for four times that"
    )


def test_rows_with_the_key_of_another_are_counted(
    data: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "RUN_ROWS", 50)  # several runs of hashes in each part
    data.csv(lines(300), name="a.csv")
    data.csv([*lines(100, start=250), *lines(20)], name="b.csv")  # 50, and 20
    data.csv([*lines(20), "row-3,1,Rome,1,1"], span=2)  # 20, and 1
    assert data.convert(length=2, shards=3).rows_duplicate == 91
    monkeypatch.setattr(duplicates, "ROWS_AT_A_TIME", 10)  # and a range of hashes at a time
    assert data.convert(length=2, shards=1).rows_duplicate == 91
    assert [path.name for path in data.out.iterdir() if path.name.startswith(".")] == []


def test_rows_that_are_left_out_have_no_key_to_be_counted(data: Spans) -> None:
    data.csv([*lines(30), "row-1,1,Oslo,warm,1"])
    assert data.convert(on_bad_row="drop").rows_duplicate == 0


def test_a_key_that_is_there_twice_is_refused_where_the_config_says_so(data: Spans) -> None:
    first = data.csv(lines(30))
    second = data.csv(["row-7,1,Rome,1,1", *lines(9, start=50)], span=2)
    text = refused(data, length=2, on_duplicate_key="fail")
    assert text == (
        f"1 of 40 rows have a key that an earlier row has: id 'row-7' is in {first} and in {second}"
        "\n  edit: these files, data.on_duplicate_key: warn, or key in the model's FeatureSpec"
    )
    data.csv([*lines(30), "row-7,1,Rome,1,1"], span=2)
    assert f"id 'row-7' is in {second}\n" in refused(data, on_duplicate_key="fail")
    data.csv(lines(30), span=2)
    assert data.convert(on_duplicate_key="fail").rows_duplicate == 0
