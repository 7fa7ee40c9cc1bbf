"""Labels and weights as rows are read: their types, and rows that have none."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from taxiway.arrow.ingest.reading import Batch, OnBadRow, Source, read_rows
from taxiway.arrow.ingest.rows.columns import read_columns
from taxiway.errors import DataError
from tests.taxiway.arrow.ingest.conftest import Spans, text

HEADER = "id,y,w"


@pytest.fixture
def data(tmp_path: Path) -> Spans:
    made = Spans(tmp_path)
    schema(made, "INT")
    return made


def schema(data: Spans, label: str, weight: str = "FLOAT", more: str = "") -> None:
    data.schema.write_text(
        'feature { name: "id" type: BYTES }'
        f'feature {{ name: "y" type: {label} presence {{ min_fraction: 1.0 }} {more} }}'
        f'feature {{ name: "w" type: {weight} }}'
    )


def read(data: Spans, path: Path, on_bad_row: OnBadRow = "fail", weight: str = "") -> Batch:
    columns = read_columns(str(data.schema), "id", "y", weight=weight)
    (batch,) = read_rows(str(path), columns, Source(on_bad_row=on_bad_row))
    return batch


def column(batch: Batch, name: str) -> list[Any]:
    return [row[name] for row in batch.rows.to_pylist()]


CSV_LABELS = {
    "INT": (["3", "true", "FALSE", " 1 "], [3, 1, 0, 1]),
    "FLOAT": (["2.5", "-3", "1e3"], [2.5, -3.0, 1000.0]),
    "BYTES": (["Adelie", "true", "9", "é", '"a ""b"""'], ["Adelie", "true", "9", "é", 'a "b"']),
}


@pytest.mark.parametrize("kind", CSV_LABELS)
def test_a_label_of_csv_is_what_the_schema_says(data: Spans, kind: str) -> None:
    cells, expected = CSV_LABELS[kind]
    schema(data, kind)
    path = data.csv(text(HEADER, *(f"x,{cell},1" for cell in cells)))
    assert column(read(data, path), "y") == expected


PARQUET_LABELS = {
    "booleans": ("INT", pa.array([True, None, False]), [1, 0]),
    "whole numbers": ("INT", pa.array([3, None, 5], pa.int8()), [3, 5]),
    "floats that are whole": ("INT", pa.array([1.0, float("nan"), 0.0]), [1, 0]),
    "floats": ("FLOAT", pa.array([1.5, float("nan"), -2.5]), [1.5, -2.5]),
    "texts": ("BYTES", pa.array(["b", "", "a"]), ["b", "a"]),
    "categories": ("BYTES", pa.array(["b", None, "a"]).dictionary_encode(), ["b", "a"]),
}


@pytest.mark.parametrize("case", PARQUET_LABELS)
def test_a_row_of_parquet_without_a_label_is_left_out_and_told(data: Spans, case: str) -> None:
    kind, values, expected = PARQUET_LABELS[case]
    schema(data, kind)
    path = data.parquet(pa.table({"id": ["x"] * 3, "y": values, "w": [1.0] * 3}))
    batch = read(data, path)
    assert column(batch, "y") == expected
    assert (batch.read, batch.unlabelled, batch.dropped) == (3, 1, 0)
    assert batch.first_unlabelled == f"{path}, row 2"
    assert batch.numbers.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        *((kind, "") for kind in CSV_LABELS),
        *itertools.product(("INT", "FLOAT"), ("nan", "NaN", " nan ", "-nan")),
    ],
)
def test_a_row_of_csv_without_a_label_is_left_out_and_told(
    data: Spans, kind: str, cell: str
) -> None:
    schema(data, kind)
    path = data.csv(text(HEADER, "a,1,1", "", f"b,{cell},1", "c,0,1"))
    batch = read(data, path)
    assert column(batch, "id") == ["a", "c"]
    assert (batch.read, batch.unlabelled, batch.dropped) == (3, 1, 0)
    assert batch.first_unlabelled == f"{path}, line 4"


def test_a_label_that_is_none_of_its_type_is_a_bad_row_and_not_a_missing_one(data: Spans) -> None:
    path = data.csv(text(HEADER, "a,1,1", "b,yes,1", "c,,1"))
    with pytest.raises(DataError) as caught:
        read(data, path)
    assert str(caught.value) == (
        f"{path}, line 3, column 'y': got 'yes', expected an integer\n"
        f"  edit: {path}, type of 'y' in {data.schema}, or data.on_bad_row: drop"
    )
    batch = read(data, path, "drop")
    assert (batch.read, batch.unlabelled, batch.dropped) == (3, 1, 1)


def test_a_row_that_is_bad_and_has_no_label_is_counted_once(data: Spans) -> None:
    path = data.csv(text(HEADER, "a,1,1", ",,1", "c,0,much"))
    batch = read(data, path, "drop")
    assert (batch.read, batch.unlabelled, batch.dropped) == (3, 0, 2)


BAD_WEIGHTS = {
    "none": ("", "got nothing, expected a value: the weight is required"),
    "NaN": ("nan", "got 'nan', expected a value: the weight is required"),
    "a negative one": ("-0.5", "got -0.5, expected 0 or more"),
    "an infinite one": ("inf", "got 'inf', expected a finite number"),
    "a word": ("heavy", "got 'heavy', expected a finite number"),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_a_weight_that_is_none_is_a_bad_row(data: Spans, case: str) -> None:
    cell, reason = BAD_WEIGHTS[case]
    path = data.csv(text(HEADER, "a,1,1", f"b,1,{cell}", "c,0,0"))
    with pytest.raises(DataError) as caught:
        read(data, path, weight="w")
    assert caught.value.message == f"{path}, line 3, column 'w': {reason}"
    batch = read(data, path, "drop", weight="w")
    assert column(batch, "w") == [1.0, 0.0]
    assert batch.dropped == 1


def test_whole_numbers_are_weights_too_and_texts_are_none(data: Spans) -> None:
    schema(data, "INT", "INT")
    path = data.csv(text(HEADER, "a,1,2", "b,1,-3"))
    with pytest.raises(DataError, match="column 'w': got -3, expected 0 or more"):
        read(data, path, weight="w")
    schema(data, "INT", "BYTES")
    with pytest.raises(DataError, match="the weight 'w' has type BYTES, expected INT or FLOAT"):
        read(data, path, weight="w")


def test_without_a_weight_a_column_may_be_empty_and_negative(data: Spans) -> None:
    path = data.csv(text(HEADER, "a,1,", "b,1,-3"))
    assert column(read(data, path), "w") == [None, -3.0]


@pytest.mark.parametrize(
    ("role", "header", "told"),
    [
        ("label", "id,Y,w", "the label 'y' is missing"),
        ("key", "Id,y,w", "the key 'id' is missing; did you mean 'Id'?"),
    ],
)
def test_a_file_without_label_or_key_is_told_with_the_columns_that_are_there(
    data: Spans, role: str, header: str, told: str
) -> None:
    path = data.csv(f"{header}\na,1,1\n".encode())
    with pytest.raises(DataError) as caught:
        read(data, path)
    assert told in caught.value.message
    names = ", ".join(f"'{name}'" for name in header.split(","))
    assert caught.value.message.endswith(f"; the columns that are there: {names}")
    assert caught.value.edit == f"{path}, or {data.schema}"
