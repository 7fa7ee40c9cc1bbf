"""What Transform makes of each column: as the FeatureSpec declares it, whatever a row holds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT
from taxiway.modeling.spec.column_names import stem
from taxiway.testing.answers import Answers, Served
from taxiway.testing.rows import Kinds, Row, as_example, with_odd_values
from taxiway.testing.run import ModelRun

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model")]

ONE_HOT: Final = ("category", "bucket")
SCALED: Final = ("number",)
"""Roles, see `taxiway.modeling.spec.columns`, of whose outputs more is known than their shape."""


def check_outputs(column: Any, found: Answers, rows: int) -> None:
    """Each output has its type and shape, is finite, and within its range."""
    for output in column.outputs():
        value = found[output.name]
        if output.embedded:
            assert (value.dtype, value.size) == (np.int64, rows), output.name
            assert ((value >= 0) & (value < output.width)).all(), f"{output.name}: out of range"
            continue
        assert (value.dtype, value.size) == (np.float32, rows * output.width), output.name
        assert np.isfinite(value).all(), f"{output.name} is not finite"
        if column.role in ONE_HOT:
            assert np.isin(value, (0, 1)).all(), f"{output.name} is not one-hot"
            assert (value.reshape(rows, output.width).sum(axis=1) == 1).all(), output.name
        elif column.role in SCALED:
            assert (np.abs(value) <= column.clip).all(), f"{output.name}: beyond {column.clip}"


def test_nothing_comes_out_but_what_is_declared(
    model_run: ModelRun, engineered: dict[str, Answers]
) -> None:
    spec = model_run.spec
    declared = {output.name for column in spec.columns for output in column.outputs()}
    found = set(engineered[TRAIN_SPLIT])
    assert declared <= found
    assert found - declared <= set(spec.apart())


@pytest.mark.parametrize("split", [TRAIN_SPLIT, EVAL_SPLIT])
def test_a_column_is_what_its_role_says(
    column: Any, split: str, model_run: ModelRun, engineered: dict[str, Answers]
) -> None:
    check_outputs(column, engineered[split], len(model_run.examples(split)))


def test_a_column_survives_what_no_one_would_send(
    column: Any,
    model_run: ModelRun,
    served_model: Served,
    kinds: Kinds,
    train_rows: list[Row],
) -> None:
    odd = with_odd_values(train_rows[0], [column.name], kinds)
    found = served_model.transformed([as_example(row, kinds) for row in odd])
    for each in model_run.spec.columns:
        check_outputs(each, found, len(odd))


def test_no_rows_are_no_rows_of_each_output(model_run: ModelRun, served_model: Served) -> None:
    found = served_model.transformed([])
    for column in model_run.spec.columns:
        check_outputs(column, found, 0)


def test_a_number_is_scaled_on_the_train_split(column: Any, engineered: dict[str, Answers]) -> None:
    """To mean 0 and deviation 1, as far as clipping leaves it, missing values counted as 0."""
    if column.role not in SCALED:
        pytest.skip("not a number that is scaled")
    value = engineered[TRAIN_SPLIT][column.outputs()[0].name].astype(np.float64)
    assert abs(value.mean()) < 0.2
    assert value.std() < 1.1
    clipped = (np.abs(value) == column.clip).mean()
    assert clipped < 0.05, f"{clipped:.0%} of the values are clipped; a larger `clip`?"


def test_a_number_is_not_always_the_same(column: Any, engineered: dict[str, Answers]) -> None:
    if column.role not in SCALED:
        pytest.skip("not a number that is scaled")
    value = engineered[TRAIN_SPLIT][column.outputs()[0].name]
    assert value.min() < value.max(), f"{column.name} has one value in all rows"


def test_the_indices_of_an_embedding_are_used(column: Any, engineered: dict[str, Answers]) -> None:
    embedded = [output for output in column.outputs() if output.embedded]
    if not embedded:
        pytest.skip("not embedded")
    for output in embedded:
        used = np.unique(engineered[TRAIN_SPLIT][output.name])
        assert len(used) > 1, f"{output.name} is {used} in all rows"


def test_a_vocabulary_has_each_word_of_the_train_split_once(
    column: Any, model_run: ModelRun, train_rows: list[Row]
) -> None:
    try:
        words = model_run.transform_output.vocabulary_by_name(stem(column.name))
    except (ValueError, OSError):
        pytest.skip("has no vocabulary of its own")
    assert words, f"the vocabulary of {column.name} is empty"
    assert len(set(words)) == len(words)
    if column.role == "category":
        seen = {value for row in train_rows for value in row.get(column.name, ())}
        assert set(words) <= {one if isinstance(one, bytes) else b"%d" % one for one in seen}
