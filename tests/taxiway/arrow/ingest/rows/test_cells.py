"""What a cell is in a column of integers, of numbers, of text; both stacks say the same."""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pytest

from taxiway.arrow.ingest import reading
from taxiway.arrow.ingest.rows.cells import Column, clean
from taxiway.arrow.ingest.rows.columns import read_columns
from taxiway.errors import DataError
from tests.taxiway.arrow.ingest.conftest import Spans, lines, table

pytestmark = pytest.mark.pipeline

# What text is as a number: a value, None for missing, or a fault.
BAD = "bad"
NUMBERS: dict[str, tuple[object, object]] = {  # in an INT and in a FLOAT column
    "7": (7, 7.0),
    "007": (7, 7.0),
    "-0": (0, 0.0),
    " 3 ": (3, 3.0),
    "9223372036854775807": (2**63 - 1, 2.0**63),
    "3.0": (BAD, 3.0),
    "3.": (BAD, 3.0),
    ".5": (BAD, 0.5),
    "1e3": (BAD, 1000.0),
    "-1.5E-1": (BAD, -0.15),
    "1e-400": (BAD, 0.0),
    "nan": (BAD, None),
    "NaN": (BAD, None),
    "": (None, None),
    '""': (None, None),
    **dict.fromkeys(
        [
            *("0x1F", "0X1f", "0xFFFFFFFFFFFFFFFF", "-0x1F", " 0x1F", "0x1p3", "0b1", "0o7"),
            *("+3", "+3.5", " +3", "--3", "-", "1_000", "1 000", "'3", "3-", "1e", "e3"),
            *("inf", "-inf", "Infinity", "1e400", "1e39", "nan(1)", "NA", "null", "None"),
            *("yes", "1L", "1.5f", "1d3", "3%", "$3"),
            *("\uff13", "\u0663", "\u22123", "\u00bd", "3\0", "\ufeff3", "9223372036854775808x"),
        ],
        (BAD, BAD),
    ),
    "1.5": (BAD, 1.5),
    "true": (1, BAD),
    " False ": (0, BAD),
    "9223372036854775808": (BAD, 2.0**63),
}


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("column", ["seats", "temp"])
def test_text_is_a_number_by_one_grammar(data: Spans, text: str, column: str) -> None:
    value = NUMBERS[text][column == "temp"]
    cells = {"seats": "1", "temp": "1"} | {column: text}
    row = f"x,1,Oslo,{cells['temp']},{cells['seats']}"
    path = data.csv([*lines(3), row])
    columns = read_columns(str(data.schema), "id", "late")
    if value is BAD:
        with pytest.raises(DataError) as caught:
            list(reading.read_rows(str(path), columns, reading.Source()))
        expected = {"seats": "an integer", "temp": "a finite number"}[column]
        assert caught.value.message.startswith(f"{path}, line 5, column '{column}': got ")
        assert caught.value.message.endswith(f", expected {expected}")
    else:
        (batch,) = reading.read_rows(str(path), columns, reading.Source())
        found = batch.rows.to_pylist()[3][column]
        assert found == (value if value is None else pytest.approx(value))


PARQUET_NUMBERS: dict[str, tuple[pa.Array, str, object]] = {
    "a fraction": (pa.array([3.7]), "seats", "got 3.7, expected an integer"),
    "a whole fraction": (pa.array([3.0]), "seats", 3),
    "a number too large": (
        pa.array([2**63], pa.uint64()),
        "seats",
        "got 9223372036854775808, expected an integer",
    ),
    "a truth value": (pa.array([True]), "seats", 1),
    "a decimal": (
        pa.array([decimal.Decimal("3.50")]),
        "seats",
        "got 3.50, expected an integer",
    ),
    "infinity": (pa.array([float("inf")]), "temp", "got inf, expected a finite number"),
    "too large for 32 bits": (pa.array([1e39]), "temp", "got 1e+39, expected a finite number"),
}


@pytest.mark.parametrize("case", PARQUET_NUMBERS)
def test_a_number_of_parquet_fits_its_column_or_is_told(data: Spans, case: str) -> None:
    values, column, expected = PARQUET_NUMBERS[case]
    path = data.parquet(table(1, **{column: values}))
    columns = read_columns(str(data.schema), "id", "late")
    if isinstance(expected, str):
        with pytest.raises(DataError) as caught:
            list(reading.read_rows(str(path), columns, reading.Source()))
        assert caught.value.message == f"{path}, row 1, column '{column}': {expected}"
    else:
        (batch,) = reading.read_rows(str(path), columns, reading.Source())
        assert batch.rows.to_pylist()[0][column] == expected


def test_half_floats_are_numbers_like_others() -> None:
    values = pa.array([np.float16(v) for v in (0, 1.5, np.nan, np.inf)], pa.float16())
    values = pa.concat_arrays([values, pa.array([None], pa.float16())]).slice(1)
    batch = pa.RecordBatch.from_arrays([values], ["temp"])
    found, bad = clean(batch, [Column("temp", "FLOAT", required=False)])
    assert found.column(0).to_pylist() == [1.5, None, None, None]
    assert [(cell.row, cell.value) for cell in bad] == [(2, "inf")]


def test_text_of_parquet_that_is_not_utf8_is_told_whatever_its_type(data: Spans) -> None:
    text = pa.array([b"Paris", b"K\xf6ln"])
    as_text = pa.StringArray.from_buffers(2, text.buffers()[1], text.buffers()[2])
    path = data.parquet(table(2, city=as_text))
    columns = read_columns(str(data.schema), "id", "late")
    with pytest.raises(DataError) as caught:
        list(reading.read_rows(str(path), columns, reading.Source()))
    assert caught.value.message == (
        rf"{path}, row 2, column 'city': got 'K\\xf6ln', expected UTF-8 text"
    )
