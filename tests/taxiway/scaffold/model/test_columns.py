"""What a column is taken for, from its cells alone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from taxiway.scaffold.model.columns.look import look, null_words_of
from taxiway.scaffold.model.columns.profile import Profile

ROWS = 40


def found(*cells: str | None, null_words: tuple[str, ...] = ()) -> Profile:
    """A column in which these cells repeat."""
    values = pa.array([cells[row % len(cells)] for row in range(ROWS)], pa.string())
    return look("column", values, null_words)[0]


def converted(*cells: str | None) -> list[Any]:
    values = pa.array(cells, pa.string())
    profile, convert = look("column", values)
    assert convert is not None, profile
    return list(convert(values).to_pylist())


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (("1", "-20", None), "int"),
        (("1.0", "2.0"), "float"),
        (("1e3", " 2.5 "), "float"),
        (("123456789012345678901", "1"), "float"),
        (("01234", "99999"), "text"),
        (("yes", "no"), "bool"),
        (("TRUE", "false"), "bool"),
        (("2020-12-31", "2021-01-01"), "date"),
        (("2020-12-31T10:00:00Z", "2021-01-01T00:00:00+02:00"), "date"),
        (("31.12.2020", "01.02.2021"), "date"),
        (("12/31/2020 11:15:00 PM", "01/02/2021 01:00:00 AM"), "date"),
        (("2020-13-45", "2020-01-01"), "text"),
        (("Taxi 1", "Taxi 2"), "text"),
        (("C-001", "C-002"), "text"),
        (("0x10", "11"), "text"),
        ((None,), "empty"),
    ],
)
def test_cells_say_what_a_column_is(cells: tuple[str | None, ...], what: str) -> None:
    assert found(*cells).what == what


@pytest.mark.parametrize(
    ("cells", "plain"),
    [
        (("1,5", "20", "-0,25"), ["1.5", "20", "-0.25"]),
        (("1.234,50 €", "12,00 €", None), ["1234.50", "12.00", None]),
        (("$1,234.50", "$12"), ["1234.50", "12"]),
        (("1 234,5", "2\u00a0000,0"), ["1234.5", "2000.0"]),
        (("12.5 km", "3 km"), ["12.5", "3"]),
        (("45%", "5%"), ["45", "5"]),
        (("1,200", "950"), ["1200", "950"]),
        (("1,200", "0,950"), ["1.200", "0.950"]),
    ],
)
def test_numbers_as_people_write_them_become_plain(
    cells: tuple[str | None, ...], plain: list[str | None]
) -> None:
    assert converted(*cells) == plain


def test_a_point_between_thousands_alone_is_a_plain_number_and_not_a_thousand() -> None:
    assert found("1.234", "2.500").quantiles[0] == 1.234


def test_days_written_otherwise_become_iso() -> None:
    assert converted("31.12.2020", "01.02.2021") == ["2020-12-31", "2021-02-01"]
    assert converted("12/31/2020 01:15 PM", "1/2/2021 12:00 AM") == [
        "2020-12-31T13:15:00",
        "2021-01-02T00:00:00",
    ]


@pytest.mark.parametrize(
    ("cells", "iso"),
    [
        (("20201231", "19990101"), ["2020-12-31", "1999-01-01"]),
        (("2020-1-5", "2020-12-31"), ["2020-01-05", "2020-12-31"]),
        (("31/12/20", "01/02/21"), ["2020-12-31", "2021-02-01"]),
        (("2020-12-31 10:00:00 UTC",), ["2020-12-31 10:00:00Z"]),
        (("Jan 5, 2020", "Dec 31, 2020"), ["2020-01-05", "2020-12-31"]),
    ],
)
def test_other_days_and_moments_become_iso_too(cells: tuple[str, ...], iso: list[str]) -> None:
    assert converted(*cells) == iso


def test_it_is_told_where_the_day_and_the_month_cannot_be_told_apart() -> None:
    assert "would fit as well" in found("01/02/2020", "03/04/2020").notes[0]
    assert not found("01/02/2020", "13/04/2020").notes


def test_a_word_among_many_numbers_means_no_value() -> None:
    values = pa.array([*map(str, range(200)), "oops"], pa.string())
    profile, _ = look("column", values)
    assert (profile.what, profile.null_words, profile.missing) == ("int", ("oops",), 1)


def test_a_number_that_is_misspelt_is_no_word_for_nothing() -> None:
    values = pa.array([*map(str, range(200)), "12O"], pa.string())
    assert look("column", values)[0].what == "text"


def test_words_for_nothing_are_found_among_numbers_and_where_they_can_mean_nothing_else() -> None:
    table = pa.table(
        {
            "age": ["1", "None", "3", "-"],
            "job": ["a", "?", "b", "None"],
            "size": ["unknown", "b", "c", "d"],
        }
    )
    assert set(null_words_of(table)) == {"None", "-", "?"}


def test_namibia_is_no_missing_country() -> None:
    assert null_words_of(pa.table({"country": ["DE", "NA", "ZA", "FR"]})) == ()
    assert null_words_of(pa.table({"country": ["Germany", "NA", "Namibia"]})) == ("NA",)


def test_a_text_of_several_values_is_a_list() -> None:
    column = found("drama|comedy", "comedy", "drama", "action|drama")
    assert (column.separator, column.tokens) == ("|", 3)
    assert not found("Smith, John", "Doe, Jane", "a, b", "c, d").separator


@pytest.mark.parametrize(
    ("array", "what", "kind"),
    [
        (pa.array([1, None, 3]), "int", "INT"),
        (pa.array([1.5, float("nan"), float("inf")]), "float", "FLOAT"),
        (pa.array([True, False, None]), "bool", "INT"),
        (pa.array(["a", "b", None]).dictionary_encode(), "text", "BYTES"),
        (pa.array([1, 2], pa.timestamp("ms", "UTC")), "date", "BYTES"),
        (pa.array([["a"], ["b", "c"]]), "list", "BYTES"),
        (pa.array([{"a": 1}]), "other", "BYTES"),
        (pa.nulls(3), "empty", "BYTES"),
    ],
)
def test_types_of_parquet_are_taken_as_they_are(array: Any, what: str, kind: str) -> None:
    profile, _ = look("column", array, is_csv=False)
    assert (profile.what, profile.kind) == (what, kind)


def test_numbers_that_parquet_has_as_text_are_written_as_numbers() -> None:
    profile, convert = look("column", pa.array(["1", "2"]), is_csv=False)
    assert profile.repair == "numbers written as text"
    assert convert is not None
