"""Errors: short ones as they are, and none so long that no one reads it."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.errors import (
    LONGEST_LINE,
    LONGEST_MESSAGE,
    MOST_LINES,
    ConfigError,
    DataError,
    TaxiwayError,
    bounded,
)


@given(st.text(max_size=LONGEST_LINE))
def test_a_short_message_is_told_as_it_is(text: str) -> None:
    assert bounded(text) == text
    assert TaxiwayError(text, edit=text).message == text


def test_a_long_line_keeps_both_ends_and_says_how_much_is_left_out() -> None:
    message = f"column 'a' is {'x' * 90_000}, expected a number"
    told = DataError(message).message
    assert len(told) < LONGEST_LINE
    assert told.startswith("column 'a' is xxx")
    assert told.endswith("xxx, expected a number")
    assert "... (88,133 characters left out) ..." in told
    kept = told.replace("... (88,133 characters left out) ...", "")
    assert len(message) - len(kept) == 88_133


def test_many_lines_say_how_many_are_left_out() -> None:
    told = bounded("\n".join(f"line {number}" for number in range(1000))).split("\n")
    assert told[:2] == ["line 0", "line 1"]
    assert told[-2:] == ["line 198", "... and 801 more lines"]
    assert len(told) == MOST_LINES


def test_many_long_lines_are_bounded_together() -> None:
    told = bounded("\n".join("y" * 1500 for _ in range(20)))
    assert len(told) <= LONGEST_MESSAGE
    assert told.endswith("\n... and 13 more lines")


@given(st.lists(st.integers(0, 3 * LONGEST_LINE), max_size=30), st.integers(1, 300))
def test_a_bounded_message_stays_as_it_is(lengths: list[int], repeats: int) -> None:
    """It may be wrapped in another error, or come from a worker."""
    once = bounded("\n".join("z" * length for length in lengths * repeats))
    assert bounded(once) == once
    assert len(once) <= LONGEST_MESSAGE


@pytest.mark.parametrize("kind", [TaxiwayError, ConfigError, DataError])
def test_every_error_is_bounded_and_so_is_its_text(kind: type[TaxiwayError]) -> None:
    error = kind("a" * 50_000, edit="b" * 50_000)
    again = pickle.loads(pickle.dumps(error))
    for one in (error, again):
        assert one.message == error.message
        assert len(str(one)) < 2 * LONGEST_LINE + 20
    assert error.args == (error.message,)
