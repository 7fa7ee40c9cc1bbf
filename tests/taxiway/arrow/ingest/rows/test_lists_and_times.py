"""Lists, dates and timestamps of Parquet: what becomes of them in examples."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.taxiway.arrow.ingest.conftest import SCHEMA, Spans, refused, table

pytestmark = pytest.mark.pipeline
ROWS = 40
MANY = "value_count { min: 0 max: 99 }"
ODD = datetime(2013, 1, 31, 23, 59, 59, 999_999)
EAST = datetime(2013, 1, 31, 5, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def more(data: Spans) -> Spans:
    """The schema with columns of lists and of times."""
    lists = "".join(
        f'feature {{ name: "{name}" type: {kind} {MANY} }}\n'
        for name, kind in (("tags", "BYTES"), ("ids", "INT"))
    )
    times = "".join(
        f'feature {{ name: "{name}" type: {kind} }}\n'
        for name, kind in (("text", "BYTES"), ("seconds", "INT"))
    )
    data.schema.write_text(SCHEMA + lists + times)
    return data


def columns(count: int, **changed: Any) -> Any:
    nothing = pa.nulls(count)
    others = {"tags": nothing, "ids": nothing, "text": nothing, "seconds": nothing}
    return table(count, **(others | changed))


def examples(data: Spans) -> dict[bytes, dict[str, list[Any]]]:
    import tensorflow as tf

    found = {}
    for path in sorted(data.out.glob("*/data_tfrecord*")):
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP"):
            features = tf.train.Example.FromString(record.numpy()).features.feature
            row = {
                name: list(getattr(feature, feature.WhichOneof("kind") or "int64_list").value)
                for name, feature in features.items()
            }
            found[row["id"][0]] = row
    return found


@pytest.mark.parametrize("large", [False, True])
def test_a_list_becomes_a_feature_of_many_values(more: Spans, large: bool) -> None:
    tags = [["Zürich", "東京"], [], None, ["", None, "a"], ["b"], ["c"] * 50, [None], ["d"]] * 5
    ids = [[1, 2], None, [3], [], [2**62], [-1, None], [0], [5]] * 5
    kind = pa.large_list if large else pa.list_
    more.parquet(
        columns(
            ROWS,
            tags=pa.array(tags, kind(pa.string())),
            ids=pa.array(ids, kind(pa.int64())),
        )
    )
    more.convert()
    found = examples(more)
    assert len(found) == ROWS
    for row in range(ROWS):
        want = [tag.encode() for tag in tags[row] or [] if tag]
        assert found[f"row-{row}".encode()]["tags"] == want
        assert found[f"row-{row}".encode()]["ids"] == [n for n in ids[row] or [] if n is not None]


def test_a_column_of_one_value_takes_no_lists(more: Spans) -> None:
    more.parquet(columns(ROWS, city=pa.array([["Oslo"]] * ROWS)))
    told = r"column 'city' has type list<(item|element): string>, expected BYTES"
    assert re.search(told, refused(more))


def test_a_bad_value_in_a_list_is_a_bad_row(more: Spans) -> None:
    ids = pa.array([[1], [2, 3], [], [4, 1.5]] + [[5]] * 36)
    more.parquet(columns(ROWS, ids=ids))
    assert "row 4, column 'ids': got [4.0, 1.5], expected an integer" in refused(more)
    summary = more.convert(on_bad_row="drop")
    assert (summary.rows_dropped, len(examples(more))) == (1, 39)


@pytest.mark.parametrize(
    ("values", "text", "seconds"),
    [
        (pa.array([date(2013, 1, 31)] * ROWS), b"2013-01-31", 1_359_590_400),
        (pa.array([date(2013, 1, 31)] * ROWS, pa.date64()), b"2013-01-31", 1_359_590_400),
        (pa.array([ODD] * ROWS, pa.timestamp("us")), b"2013-01-31T23:59:59", 1_359_676_799),
        (pa.array([ODD] * ROWS, pa.timestamp("ns")), b"2013-01-31T23:59:59", 1_359_676_799),
        (
            pa.array([EAST] * ROWS, pa.timestamp("ms", "UTC")),
            b"2013-01-31T03:30:00Z",
            1_359_603_000,
        ),
        (
            pa.array([EAST] * ROWS, pa.timestamp("us", "America/New_York")),
            b"2013-01-31T03:30:00Z",
            1_359_603_000,
        ),
        (pa.array([datetime(1969, 12, 31, 23, 59, 59, 1)] * ROWS), b"1969-12-31T23:59:59", -1),
    ],
)
def test_a_time_becomes_text_or_seconds(
    more: Spans, values: Any, text: bytes, seconds: int
) -> None:
    more.parquet(columns(ROWS, text=values, seconds=values))
    more.convert()
    for row in examples(more).values():
        assert (row["text"], row["seconds"]) == ([text], [seconds])


def test_a_missing_time_stays_missing(more: Spans) -> None:
    values = pa.array([EAST, None] * 20, pa.timestamp("us", "UTC"))
    more.parquet(columns(ROWS, text=values, seconds=values))
    more.convert()
    missing = sorted(key for key, row in examples(more).items() if not row["text"])
    assert missing == sorted(f"row-{row}".encode() for row in range(1, ROWS, 2))


def test_a_time_is_no_number_with_a_fraction(more: Spans) -> None:
    more.parquet(columns(ROWS, temp=pa.array([ODD] * ROWS)))
    assert "column 'temp' has type timestamp[us], expected FLOAT" in refused(more)


def test_rows_without_a_key_are_told_apart_by_their_lists(more: Spans, tmp_path: Path) -> None:
    tags = pa.array([[str(row)] for row in range(ROWS)])
    same = pa.array(["x"] * ROWS)
    others = {"id": same, "late": np.arange(ROWS) % 2, "temp": np.ones(ROWS), "seats": [1] * ROWS}
    more.parquet(columns(ROWS, tags=tags, **others))
    assert more.convert(key="", on_duplicate_key="fail").rows_read == ROWS
