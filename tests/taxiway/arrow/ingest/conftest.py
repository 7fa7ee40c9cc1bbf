"""Span files for the tests of ArrowExampleGen, and what it makes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxiway.arrow.ingest import convert as logic
from taxiway.arrow.ingest import reading, spans
from taxiway.arrow.ingest.dialect import Dialect
from taxiway.arrow.ingest.reading import OnBadRow, Source
from taxiway.arrow.ingest.rows.columns import read_columns
from taxiway.arrow.ingest.spans import SpanRange
from taxiway.arrow.ingest.summary import SPLITS, Settings, Summary
from taxiway.errors import DataError

ROOT = Path(__file__).parents[4]
SCHEMA = """
feature { name: "id" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
feature { name: "late" type: INT presence { min_fraction: 1.0 } int_domain { min: 0 max: 1 } }
feature { name: "city" type: BYTES presence { min_fraction: 1.0 } }
feature { name: "temp" type: FLOAT presence { min_fraction: 0.5 } }
feature { name: "seats" type: INT presence { min_fraction: 0.5 } }
"""
HEADER = "id,late,city,temp,seats"
MODES: tuple[OnBadRow, ...] = ("fail", "drop")
RFC_4180 = Dialect()
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
        uris = {name: str(self.out / f"Split-{name}") for name in SPLITS}
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


def text(*lines: str) -> bytes:
    """A file of these lines."""
    return "".join(f"{line}\n" for line in lines).encode()


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


def read(
    data: Spans,
    content: list[str] | bytes,
    on_bad_row: OnBadRow = "fail",
    dialect: Dialect = RFC_4180,
) -> Any:
    """The rows, how many were read, how many dropped, and where the first of these was."""
    path = str(data.csv(content))
    columns = read_columns(str(data.schema), "id", "late")
    batches = list(reading.read_rows(path, columns, Source("csv", dialect, on_bad_row)))
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    note = next((batch.first_dropped for batch in batches if batch.first_dropped), "")
    return rows, sum(batch.read for batch in batches), sum(b.dropped for b in batches), note


def refusal(data: Spans, content: list[str] | bytes, on_bad_row: OnBadRow) -> str:
    with pytest.raises(DataError) as caught:
        read(data, content, on_bad_row)
    return str(caught.value)
