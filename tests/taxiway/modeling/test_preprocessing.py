"""Transform's output is what the FeatureSpec declares, on the run's rows and on any other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxiway.modeling.spec import Bucketized, Categorical, Numeric
from taxiway.modeling.spec.columns import indicator_name, transformed_name
from tests.tiny.features import SPEC

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]

NUMERIC = [column for column in SPEC.columns if isinstance(column, Numeric)]
CATEGORICAL = [column for column in SPEC.columns if isinstance(column, Categorical)]
BUCKETIZED = [column for column in SPEC.columns if isinstance(column, Bucketized)]
ONE_HOT = [column for column in CATEGORICAL if column.encoding == "one_hot"]
EMBEDDED = [column for column in CATEGORICAL if column.encoding == "embedding"]
EVERY = pytest.mark.parametrize("split", ["train", "eval"])
Columns = dict[str, np.ndarray]


def check_columns(columns: Columns, rows: int) -> None:
    """Every column is of its type and shape, and within the range its role allows."""
    for numeric in NUMERIC:
        value = columns[transformed_name(numeric)]
        assert (value.dtype, value.size) == (np.float32, rows)
        assert np.isfinite(value).all()
        assert (np.abs(value) <= numeric.clip).all()
        if numeric.indicator:
            gone = columns[indicator_name(numeric)]
            assert (gone.dtype, gone.size) == (np.float32, rows)
            assert np.isin(gone, (0, 1)).all()
            assert (value[gone == 1] == 0).all()
    for wide in (*ONE_HOT, *BUCKETIZED):
        value = columns[transformed_name(wide)]
        assert (value.dtype, value.shape) == (np.float32, (rows, wide.width))
        assert np.isin(value, (0, 1)).all()
        assert (value.sum(axis=1) == 1).all()
    for embedded in EMBEDDED:
        index = columns[transformed_name(embedded)]
        assert (index.dtype, index.size) == (np.int64, rows)
        assert ((index >= 0) & (index < embedded.width)).all()


def names_out() -> set[str]:
    names = {transformed_name(column) for column in SPEC.columns}
    return names | {indicator_name(column) for column in NUMERIC if column.indicator}


@pytest.fixture(scope="module")
def expected(trained: Any, train_rows: list[dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """The transformed values of one raw row, by the FeatureSpec's word and without tf.Transform."""
    moments, words = {}, {}
    for numeric in NUMERIC:
        known = [row[numeric.name] for row in train_rows if numeric.name in row]
        exact = np.array(known, np.float64)
        moments[numeric.name] = (exact.mean(), exact.std())
    for categorical in CATEGORICAL:
        found = trained.transform_output.vocabulary_by_name(categorical.name)
        words[categorical.name] = {word: index for index, word in enumerate(found, start=1)}

    def number(row: Any, name: str) -> float:
        value = row.get(name)
        return math.nan if value in (None, ()) else float(np.float32(value))

    def transform(row: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for numeric in NUMERIC:
            mean, deviation = moments[numeric.name]
            value = (number(row, numeric.name) - mean) / deviation
            gone = math.isnan(value)
            clipped = min(max(value, -numeric.clip), numeric.clip)
            out[transformed_name(numeric)] = 0.0 if gone else clipped
            if numeric.indicator:
                out[indicator_name(numeric)] = float(gone)
        for categorical in CATEGORICAL:
            text = row.get(categorical.name) or b""
            text = text.encode() if isinstance(text, str) else text
            vocabulary = words[categorical.name]
            out[transformed_name(categorical)] = (
                vocabulary.get(text, len(vocabulary) + 1) if text else 0
            )
        for bucketized in BUCKETIZED:
            value = number(row, bucketized.name)
            below = sum(boundary <= value for boundary in bucketized.boundaries)
            bucket = bucketized.width - 1 if math.isnan(value) else below
            out[transformed_name(bucketized)] = bucket
        return out

    return transform


def flat(columns: Columns, row: int) -> dict[str, Any]:
    """One row of transformed columns, one-hot ones as their index."""
    wide = {transformed_name(column) for column in (*ONE_HOT, *BUCKETIZED)}
    return {
        name: int(columns[name][row].argmax()) if name in wide else columns[name][row].item()
        for name in names_out()
    }


@EVERY
def test_no_column_of_the_run_is_malformed_empty_or_not_finite(trained: Any, split: str) -> None:
    rows = trained.transformed(split)
    assert len(rows) == len(trained.raw(split)) > 500
    assert set(rows.columns) == names_out()
    assert rows.labels.dtype == np.int64
    assert set(rows.labels) == {0, 1}
    check_columns(rows.columns, len(rows))


@pytest.mark.parametrize("column", NUMERIC, ids=lambda column: column.name)
def test_a_numeric_column_has_mean_0_and_deviation_1_on_the_train_split(
    trained: Any, train_rows: list[dict[str, Any]], column: Numeric
) -> None:
    value = trained.transformed("train").columns[transformed_name(column)].astype(np.float64)
    known = sum(column.name in row for row in train_rows)
    mean = value.sum() / known  # a missing value adds nothing: it is 0, the mean
    deviation = math.sqrt((value * value).sum() / known - mean * mean)
    if np.abs(value).max() < column.clip:
        assert mean == pytest.approx(0, abs=1e-5)
        assert deviation == pytest.approx(1, abs=1e-5)
    else:  # clipping takes from the tails only
        assert mean == pytest.approx(0, abs=0.1)
        assert 0.6 < deviation < 1
        assert (np.abs(value) == column.clip).mean() < 0.02


@pytest.mark.parametrize("column", [c for c in NUMERIC if c.indicator], ids=lambda c: c.name)
def test_an_indicator_counts_the_missing_values_of_the_train_split(
    trained: Any, train_rows: list[dict[str, Any]], column: Numeric
) -> None:
    gone = trained.transformed("train").columns[indicator_name(column)]
    missing = sum(column.name not in row for row in train_rows)
    assert 0 < missing == gone.sum()


@pytest.mark.parametrize("column", CATEGORICAL, ids=lambda column: column.name)
def test_every_category_of_the_train_split_is_known_and_the_most_frequent_come_first(
    trained: Any, train_rows: list[dict[str, Any]], column: Categorical
) -> None:
    value = trained.transformed("train").columns[transformed_name(column)]
    index = value.reshape(-1) if column.encoding == "embedding" else value.argmax(axis=1)
    counts = np.bincount(index)
    assert counts[0] == 0  # none is missing
    assert len(counts) - 1 == len({row[column.name] for row in train_rows})
    assert (np.diff(counts[1:]) <= 0).all()


def test_the_rows_of_the_eval_split_are_transformed_as_declared(
    trained: Any, served: Any, expected: Callable[[Any], dict[str, Any]], eval_rows: list[Any]
) -> None:
    columns = served.transform_serialized(trained.raw("eval"))
    for row in range(0, len(eval_rows), 10):
        assert flat(columns, row) == pytest.approx(expected(eval_rows[row]), abs=1e-5)
    assert columns[SPEC.label].tolist() == [row[SPEC.label] for row in eval_rows]


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_row_is_transformed_as_declared(
    data: st.DataObject,
    raw_rows: st.SearchStrategy[list[Any]],
    served: Any,
    expected: Callable[[Any], dict[str, Any]],
) -> None:
    rows = data.draw(raw_rows)
    columns = served.transform(rows)
    assert set(columns) == names_out() | {SPEC.label}
    check_columns(columns, len(rows))
    for index, row in enumerate(rows):
        assert flat(columns, index) == pytest.approx(expected(row), abs=1e-5)


@pytest.mark.parametrize("value", [None, (), float("nan")])
@pytest.mark.parametrize("column", NUMERIC, ids=lambda column: column.name)
def test_a_missing_number_is_0_and_its_indicator_1(
    served: Any, column: Numeric, value: Any
) -> None:
    whole = column.name in ("hour", "truck_age")
    missing = None if whole and value != () else value  # a whole number cannot be NaN
    columns = served.transform([{column.name: missing}])
    assert columns[transformed_name(column)] == 0
    if column.indicator:
        assert columns[indicator_name(column)] == 1


@pytest.mark.parametrize("value", [None, (), "", b""])
@pytest.mark.parametrize("column", CATEGORICAL, ids=lambda column: column.name)
def test_a_missing_or_empty_category_is_index_0(
    served: Any, column: Categorical, value: Any
) -> None:
    assert flat(served.transform([{column.name: value}]), 0)[transformed_name(column)] == 0


@pytest.mark.parametrize("value", ["???", "東京", b"\xff\x00", "Rail", " "])
@pytest.mark.parametrize("column", CATEGORICAL, ids=lambda column: column.name)
def test_an_unseen_category_comes_after_the_vocabulary(
    trained: Any, served: Any, column: Categorical, value: Any
) -> None:
    known = trained.transform_output.vocabulary_size_by_name(column.name)
    index = flat(served.transform([{column.name: value}]), 0)[transformed_name(column)]
    assert index == known + 1


@pytest.mark.parametrize(
    ("value", "bucket"),
    [
        *((None, 8), ((), 8), (math.nan, 8)),
        *((-math.inf, 0), (-1.0, 0), (44.9, 0), (45.0, 1), (46.0, 1), (89.0, 1), (90.0, 2)),
        *((314.9, 6), (315.0, 7), (360.0, 7), (3e38, 7), (math.inf, 7)),
    ],
)
def test_a_boundary_opens_its_bucket_and_the_last_is_for_missing_values(
    served: Any, value: Any, bucket: int
) -> None:
    column = BUCKETIZED[1]
    assert column.name == "slope"
    assert flat(served.transform([{"slope": value}]), 0)[transformed_name(column)] == bucket


@pytest.mark.parametrize(("value", "end"), [(math.inf, 5), (3e38, 5), (-math.inf, -5), (-3e38, -5)])
def test_an_extreme_number_is_clipped(served: Any, value: float, end: float) -> None:
    assert served.transform([{"temperature": value}])["temperature_number_xf"] == end


def test_a_row_without_a_label_is_marked_so(served: Any) -> None:
    columns = served.transform([{SPEC.label: 1}, {}, {SPEC.label: 0}])
    assert columns[SPEC.label].tolist() == [1, -1, 0]
