"""The template's tests see what they are there to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from taxiway.modeling.spec import Categorical, Numeric
from taxiway.testing.checks.test_features import check_outputs
from taxiway.testing.checks.test_model import check_answers, check_same
from taxiway.testing.rows import ODD, as_columns, as_example, as_row, with_odd_values
from tests.tiny.features import SPEC

NUMBER, WORD = Numeric("a", clip=2.0), Categorical("b", max_vocabulary=2)
INDEX = Categorical("b", max_vocabulary=2, encoding="embedding")
SCALED, HOT = np.array([0.5, -2.0], np.float32), np.eye(4, dtype=np.float32)[[1, 3]]
GOOD = {NUMBER: SCALED, WORD: HOT, INDEX: np.array([0, 3], np.int64)}


@pytest.mark.parametrize("column", GOOD, ids=lambda column: str(type(column).__name__))
def test_outputs_as_they_should_be_pass(column: Any) -> None:
    check_outputs(column, {column.transformed_name: GOOD[column]}, 2)


BAD = {
    "not finite": (NUMBER, np.array([np.nan, 0.0], np.float32)),
    "beyond the clip": (NUMBER, np.array([2.1, 0.0], np.float32)),
    "another type": (NUMBER, SCALED.astype(np.float64)),
    "one row too few": (NUMBER, SCALED[:1]),
    "two of one": (WORD, np.array([[1, 1, 0, 0], [1, 0, 0, 0]], np.float32)),
    "none of one": (WORD, np.array([[0, 0, 0, 0], [1, 0, 0, 0]], np.float32)),
    "a half": (WORD, np.array([[0.5, 0.5, 0, 0], [1, 0, 0, 0]], np.float32)),
    "an index too large": (INDEX, np.array([0, 4], np.int64)),
    "an index below 0": (INDEX, np.array([-1, 0], np.int64)),
}


@pytest.mark.parametrize("case", BAD)
def test_an_output_that_is_wrong_is_seen(case: str) -> None:
    column, value = BAD[case]
    with pytest.raises(AssertionError):
        check_outputs(column, {column.transformed_name: value}, 2)


HALVES = np.array([0.5, 0.5], np.float32)
THREE = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]], np.float32)
NAMES = np.array([b"x", b"y"])


@pytest.mark.parametrize(
    "answers",
    [{"probability": HALVES}, {"value": HALVES}, {"probabilities": THREE, "class": NAMES}],
    ids=["binary", "a number", "several classes"],
)
def test_answers_as_they_should_be_pass(answers: dict[str, Any]) -> None:
    check_answers(answers, 2)
    check_same(answers, answers)


WRONG: dict[str, Callable[[], dict[str, Any]]] = {
    "no task": lambda: {"score": HALVES},
    "NaN": lambda: {"probability": HALVES * np.float32(np.nan)},
    "above 1": lambda: {"probability": HALVES * 3},
    "infinite": lambda: {"value": HALVES * np.float32(np.inf)},
    "a row too many": lambda: {"value": np.zeros(3, np.float32)},
    "no sum of 1": lambda: {"probabilities": THREE / 2, "class": NAMES},
    "one class, two names": lambda: {"probabilities": THREE[[0, 0]], "class": NAMES},
    "no names": lambda: {"probabilities": THREE},
}


@pytest.mark.parametrize("case", WRONG)
def test_answers_that_are_wrong_are_seen(case: str) -> None:
    with pytest.raises(AssertionError):
        check_answers(WRONG[case](), 2)


def test_answers_that_differ_are_seen() -> None:
    with pytest.raises(AssertionError):
        check_same({"value": HALVES}, {"value": HALVES + np.float32(1e-4)})


KINDS = {"hour": "INT", "kilograms": "FLOAT", "region": "BYTES"}
ROW = {"hour": [7], "kilograms": [1.5], "region": [b"west"]}


@pytest.mark.pipeline
def test_a_row_reads_back_from_its_example() -> None:
    assert as_row(as_example({**ROW, "city": []}, {**KINDS, "city": "BYTES"})) == ROW


def test_a_row_becomes_odd_in_one_column_at_a_time() -> None:
    odd = with_odd_values(ROW, SPEC, KINDS, ["hour"])
    assert odd[0] == {}
    assert odd[1] == {"kilograms": [1.5], "region": [b"west"]}
    assert [row["hour"] for row in odd[2:]] == [[], *([value] for value in ODD["INT"])]
    assert all(row["region"] == [b"west"] for row in odd[1:])


def test_a_request_has_text_numbers_and_none() -> None:
    found = as_columns([ROW, {}], SPEC)
    assert set(found) == set(SPEC.inputs())
    assert (found["region"], found["hour"], found["city"]) == (
        ["west", None],
        [7, None],
        [None, None],
    )
