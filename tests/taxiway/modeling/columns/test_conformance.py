"""Every role of a column, with every kind of awkward value, in training and in serving."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from taxiway.modeling.spec import Column
from tests.taxiway.modeling.columns.features import SPEC
from tests.taxiway.modeling.columns.rows import CONDITIONS, KINDS, LISTS, Row, ordinary

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("columns")]
EACH = pytest.mark.parametrize(
    "column", SPEC.columns, ids=lambda column: f"{column.name} {column.role}"
)
EACH_VALUE = pytest.mark.parametrize(
    ("column", "condition"),
    [
        pytest.param(column, condition, id=f"{column.name} {column.role}, {condition}")
        for column in SPEC.columns
        for condition, values in CONDITIONS.items()
        if any(values[KINDS[name]] for name in column.sources)
    ],
)


def awkward(column: Any, condition: str) -> list[Row]:
    """Ordinary rows whose columns that this one is made of have such a value."""
    base = ordinary(1, 99)[0]
    rows: list[Row] = []
    for name in column.sources:
        values = CONDITIONS[condition][KINDS[name]]
        rows += [base | {name: value} for value in values]
        if name in LISTS:
            rows.append(base | {name: [*values, *values, *base.get(name, [])]})
    return [{name: _kept(name, value) for name, value in row.items()} for row in rows]


def _kept(name: str, value: Any) -> Any:
    return [one for one in value if one not in (None, ())] if isinstance(value, list) else value


def test_every_class_of_column_is_in_the_table() -> None:
    assert {type(column) for column in SPEC.columns} == set(get_args(Column))


@EACH_VALUE
def test_whatever_a_column_holds_its_outputs_are_what_it_says(
    transformed: Any, column: Any, condition: str
) -> None:
    rows = awkward(column, condition)
    found = transformed(rows)
    for output in column.outputs():
        value = found[output.name].reshape(len(rows), -1)
        assert value.dtype == (np.int64 if output.embedded else np.float32)
        assert value.shape[1] == (1 if output.embedded else output.width)
        assert np.isfinite(value).all()
        assert output.low - 1e-6 <= value.min()
        assert value.max() <= output.high + 1e-6
        if output.pooled:
            np.testing.assert_allclose(value.sum(axis=1), 1.0, rtol=1e-6)


@EACH_VALUE
def test_plain_columns_are_answered_as_examples_are(
    model: Any, column: Any, condition: str
) -> None:
    import tensorflow as tf

    from taxiway.modeling.exported.plain_columns import RequestError

    rows = awkward(column, condition)
    answers = model.by_examples(rows)
    assert np.isfinite(answers).all()
    if condition == "beyond JSON" and not column.is_number:  # refused, and not rounded
        with pytest.raises((RequestError, UnicodeDecodeError, tf.errors.InvalidArgumentError)):
            model.by_columns(rows)
        return
    np.testing.assert_allclose(model.by_columns(rows), answers, rtol=0, atol=1e-6)


def test_ordinary_rows_are_answered_alike(model: Any, learned_from: list[Row]) -> None:
    answers = model.by_examples(learned_from)
    assert len(np.unique(answers)) > 200
    np.testing.assert_allclose(model.by_columns(learned_from), answers, rtol=0, atol=1e-6)


@pytest.mark.one_stack
@EACH
def test_both_engines_make_the_same_of_a_column(
    transformed: Any, by_beam: Any, learned_from: list[Row], column: Any
) -> None:
    rows = [*learned_from, *(row for condition in CONDITIONS for row in awkward(column, condition))]
    arrow, beam = transformed(rows), by_beam(rows)
    for output in column.outputs():
        np.testing.assert_allclose(arrow[output.name], beam[output.name], rtol=0, atol=1e-6)
