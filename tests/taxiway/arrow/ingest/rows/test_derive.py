"""Derived labels: what an expression gives on columns of Arrow, missing values among them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.arrow.ingest.reading import Batch, OnBadRow, Source, read_rows
from taxiway.arrow.ingest.rows.columns import read_columns
from taxiway.arrow.ingest.rows.derive import FUNCTIONS, evaluate
from taxiway.errors import DataError
from taxiway.modeling.spec.derive import OPERATIONS, parse
from tests.taxiway.arrow.ingest.conftest import Spans, text

SCHEMA = """
feature { name: "id" type: BYTES }
feature { name: "tips" type: FLOAT }
feature { name: "fare" type: FLOAT presence { min_fraction: 1.0 } }
feature { name: "Payment Type" type: BYTES }
feature { name: "y" type: INT presence { min_fraction: 1.0 } }
"""
HEADER = "id,tips,fare,Payment Type"


def values(expression: str, **columns: Any) -> list[Any]:
    arrays = {
        name: pa.array(cells, pa.large_string() if name == "t" else pa.float64())
        for name, cells in columns.items()
    }
    rows = len(next(iter(arrays.values())))
    found: list[Any] = evaluate(parse(expression).root, arrays, rows).to_pylist()
    return found


CASES: dict[str, tuple[dict[str, list[Any]], list[Any]]] = {
    "a > 0.2 * b": ({"a": [1, 3, None, 1], "b": [10, 10, 1, None]}, [False, True, None, None]),
    "a / b": ({"a": [1.0, 1.0, 0.0], "b": [4.0, 0.0, 0.0]}, [0.25, None, None]),
    "log(a)": ({"a": [1.0, 0.0, -1.0, None]}, [0.0, None, None, None]),
    "sqrt(a)": ({"a": [4.0, -4.0]}, [2.0, None]),
    "a * a": ({"a": [1e200]}, [None]),
    "a > 1 and b > 1": (
        {"a": [2, 2, 0, None, None], "b": [2, None, None, 0, None]},
        [True, None, False, False, None],
    ),
    "a > 1 or b > 1": (
        {"a": [0, 2, 0, None], "b": [0, None, None, None]},
        [False, True, None, None],
    ),
    "a is missing or a > 1": ({"a": [None, 2, 0]}, [True, True, False]),
    "not a is missing": ({"a": [None, 2]}, [False, True]),
    "0 < a <= 2": ({"a": [0, 1, 2, 3, None]}, [False, True, True, False, None]),
    "t in ('x', 'é')": ({"t": ["x", "é", "y", None]}, [True, True, False, None]),
    "t not in ('x',)": ({"t": ["x", "y", None]}, [False, True, None]),
    "t != 'x'": ({"t": ["x", "y", None]}, [False, True, None]),
    "min(a, b, 3)": ({"a": [1, 9, None], "b": [2, 9, 1]}, [1, 3, None]),
    "max(a, -b)": ({"a": [1, -9], "b": [2, 3]}, [1, -3]),
    "abs(a - b)": ({"a": [1], "b": [3]}, [2]),
    "a if b > 1 else -1": ({"a": [5, 6, None, 7], "b": [2, 0, 2, None]}, [5, -1, None, None]),
    "'long' if a > 1 else t": (
        {"a": [2, 0, 0, None], "t": ["x", "y", None, "z"]},
        ["long", "y", None, None],
    ),
    "a == 1.1": ({"a": [1.1]}, [True]),
}


@pytest.mark.parametrize("expression", CASES)
def test_what_an_expression_gives_with_missing_values_among_its_columns(expression: str) -> None:
    columns, expected = CASES[expression]
    assert values(expression, **columns) == expected


def test_all_that_can_be_written_can_be_computed() -> None:
    assert set(FUNCTIONS) == set(OPERATIONS)


NUMBER = st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-3, 3).map(float))


@given(st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=30))
def test_it_gives_what_python_gives(rows: list[tuple[float | None, float | None]]) -> None:
    expression = "(a + 2 * b) / b > 1 or a * b <= 3 and not a == b"
    first, second = ([row[index] for row in rows] for index in (0, 1))
    found = values(expression, a=first, b=second)
    for (a, b), one in zip(rows, found, strict=True):
        if a is not None and b:
            assert one == ((a + 2 * b) / b > 1 or (a * b <= 3 and a != b))


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=40), st.data())
def test_a_choice_between_texts_is_right_in_slices_too(
    texts: list[str | None], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(texts) - 1))
    array = pa.array(texts, pa.large_string()).slice(start)
    root = parse("t if t != 'x' else 'was x'").root
    found = evaluate(root, {"t": array}, len(array)).to_pylist()
    assert found == [None if t is None else t if t != "x" else "was x" for t in texts[start:]]


@pytest.fixture
def taxi(tmp_path: Path) -> Spans:
    made = Spans(tmp_path)
    made.schema.write_text(SCHEMA)
    return made


def read(
    taxi: Spans, path: Path, derive: str = "tips > 0.2 * fare", on_bad_row: OnBadRow = "fail"
) -> list[Batch]:
    columns = read_columns(str(taxi.schema), "id", "y", derive)
    return list(read_rows(str(path), columns, Source(on_bad_row=on_bad_row)))


def labels(batches: list[Batch]) -> list[Any]:
    return [row["y"] for batch in batches for row in batch.rows.to_pylist()]


def test_the_label_is_made_as_rows_are_read_and_files_do_not_have_it(taxi: Spans) -> None:
    lines = [HEADER, "a,3,10,Cash", "b,1,10,", "c,,10,Cash", "d,2.3,11.5,Card"]
    path = taxi.csv(text(*lines))
    (batch,) = read(taxi, path)
    assert [row["id"] for row in batch.rows.to_pylist()] == ["a", "b", "d"]
    assert labels([batch]) == [1, 0, int(2.3 > 0.2 * 11.5)]
    assert (batch.read, batch.unlabelled, batch.dropped) == (4, 1, 0)
    assert batch.first_unlabelled == f"{path}, line 4"
    assert batch.rows.schema.field("y").type == pa.int64()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_numbers_are_compared_as_they_stand_in_the_file(taxi: Spans, kind: str) -> None:
    cells = [1.1, 0.1 + 0.2, 16777217.0]
    if kind == "csv":
        path = taxi.csv(text(HEADER, *(f"x,{cell!r},1," for cell in cells)))
    else:
        columns = {"id": ["x"] * 3, "tips": cells, "fare": [1.0] * 3, "Payment Type": [""] * 3}
        path = taxi.parquet(pa.table(columns))
    assert labels(read(taxi, path, "tips in (1.1, 0.30000000000000004)")) == [1, 1, 0]
    assert labels(read(taxi, path, "tips == 16777217")) == [0, 0, 1]


def test_a_text_can_be_a_label(taxi: Spans) -> None:
    taxi.schema.write_text(SCHEMA.replace('"y" type: INT', '"y" type: BYTES'))
    path = taxi.csv(text(HEADER, "a,3,10,Cash", "b,1,60,Card", "c,1,60,"))
    derive = '"long" if fare > 50 else `Payment Type`'
    assert labels(read(taxi, path, derive)) == ["Cash", "long", "long"]


def test_a_number_can_be_a_label_and_is_told_where_its_type_does_not_take_it(taxi: Spans) -> None:
    path = taxi.csv(text(HEADER, "a,4,2,", "b,1,2,", "c,0,0,"))
    with pytest.raises(DataError) as caught:
        read(taxi, path, "tips / fare")
    assert caught.value.message == (
        f"{path}, line 3, column 'y': got 0.5, expected an integer: it is derived"
    )
    (batch,) = read(taxi, path, "tips / fare", "drop")
    assert (labels([batch]), batch.dropped, batch.unlabelled) == ([2], 1, 1)
    taxi.schema.write_text(SCHEMA.replace('"y" type: INT', '"y" type: FLOAT'))
    assert labels(read(taxi, path, "tips / fare")) == [2.0, 0.5]


def test_times_are_read_as_the_schema_has_them_and_lists_are_refused(taxi: Spans) -> None:
    taxi.schema.write_text(
        SCHEMA.replace('"fare" type: FLOAT', '"fare" type: INT').replace(
            '"tips" type: FLOAT', '"tips" type: FLOAT value_count { min: 1 }'
        )
    )
    times = pa.array([0, 90_000_000], pa.timestamp("us"))
    lists = pa.array([[1.0], [2.0, 3.0]])
    columns = {"id": ["a", "b"], "tips": lists, "fare": times, "Payment Type": ["", ""]}
    path = taxi.parquet(pa.table(columns))
    assert labels(read(taxi, path, "fare >= 90")) == [0, 1]
    with pytest.raises(DataError, match="reads 'tips', which has lists, expected one value"):
        read(taxi, path, "tips > 1")


def test_a_bad_cell_is_told_before_what_is_derived_of_it(taxi: Spans) -> None:
    path = taxi.csv(text(HEADER, "a,4,2,", "b,much,2,"))
    with pytest.raises(DataError, match="column 'tips': got 'much', expected a finite number"):
        read(taxi, path)


def test_a_file_that_has_the_label_already_is_refused(taxi: Spans) -> None:
    path = taxi.csv(f"{HEADER},y\na,4,2,,1\n".encode())
    with pytest.raises(DataError, match="the label 'y' is there, but derive makes it of others"):
        read(taxi, path)


def test_an_expression_that_does_not_fit_the_schema_is_refused_with_its_file(taxi: Spans) -> None:
    path = taxi.csv(f"{HEADER}\na,4,2,\n".encode())
    with pytest.raises(DataError) as caught:
        read(taxi, path, "tip > 1")
    assert str(caught.value) == (
        f"{taxi.schema}: derive 'tip > 1': the schema has no column 'tip'; did you mean 'tips'?\n"
        f"  edit: {taxi.schema}, or derive in the model's FeatureSpec"
    )


def test_what_is_not_finite_is_missing_whatever_made_it() -> None:
    found = values("a - a / b", a=[1e308, 1.0], b=[1e-308, 2.0])
    assert found == [None, 0.5]
    assert not any(isinstance(one, float) and math.isnan(one) for one in found)
