"""What Transform makes of each column: as the FeatureSpec declares it, whatever a row holds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT
from taxiway.modeling.spec import Categorical, Numeric
from taxiway.modeling.spec.column_names import stem
from taxiway.testing.answers import Answers, Served
from taxiway.testing.rows import Kinds, Row, as_example, with_odd_values
from taxiway.testing.run import ModelRun

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model")]

ONE_HOT: Final = ("bucket", "category", "cross", "quantile")
"""Roles, see `taxiway.modeling.spec.columns`, that are one of several where not embedded."""
ROUNDING: Final = 1e-5


def check_outputs(column: Any, found: Answers, rows: int) -> None:
    """Each output has its type and shape, is finite, and within its range."""
    for output in column.outputs():
        value = found[output.name]
        if output.embedded:
            assert value.dtype == np.dtype(np.int64), output.name
            assert value.size == rows, output.name
            assert ((value >= 0) & (value < output.width)).all(), f"{output.name}: out of range"
            continue
        assert value.dtype == np.dtype(np.float32), output.name
        assert value.size == rows * output.width, output.name
        assert np.isfinite(value).all(), f"{output.name} is not finite"
        low, high = output.low - ROUNDING, output.high + ROUNDING
        assert ((value >= low) & (value <= high)).all(), f"{output.name} is out of range"
        sums = value.reshape(rows, output.width).sum(axis=1)
        if column.role in ONE_HOT:
            assert np.isin(value, (0, 1)).all(), f"{output.name} is not one-hot"
        if column.role in ONE_HOT or output.pooled:
            np.testing.assert_allclose(sums, 1, atol=ROUNDING, err_msg=output.name)


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
    odd = with_odd_values(train_rows[0], model_run.spec, kinds, column.sources)
    found = served_model.transformed([as_example(row, kinds) for row in odd])
    for each in model_run.spec.columns:
        check_outputs(each, found, len(odd))


def test_no_rows_are_no_rows_of_each_output(model_run: ModelRun, served_model: Served) -> None:
    found = served_model.transformed([])
    for column in model_run.spec.columns:
        check_outputs(column, found, 0)


def test_numbers_are_scaled_on_the_train_split(
    model_run: ModelRun, engineered: dict[str, Answers]
) -> None:
    """To mean 0 and deviation 1, as far as clipping leaves it; a missing value is the mean."""
    odd = {}
    for column in model_run.spec.columns:
        if isinstance(column, Numeric) and (column.scale, column.impute) == ("standard", "mean"):
            value = engineered[TRAIN_SPLIT][column.transformed_name].astype(np.float64)
            clipped = (np.abs(value) == column.clip).mean()
            if abs(value.mean()) > 0.2 or value.std() > 1.1 or clipped > 0.05:
                odd[column.name] = f"{value.mean():.2f} +- {value.std():.2f}, {clipped:.0%} clipped"
    assert not odd, "scale='log' or 'robust', or another clip?"


def test_no_number_is_always_the_same(model_run: ModelRun, engineered: dict[str, Answers]) -> None:
    numbers = [one for one in model_run.spec.columns if isinstance(one, Numeric)]
    values = {one.name: engineered[TRAIN_SPLIT][one.transformed_name] for one in numbers}
    assert not [name for name, value in values.items() if value.min() == value.max()]


def test_the_indices_of_every_embedding_are_used(
    model_run: ModelRun, engineered: dict[str, Answers]
) -> None:
    outputs = [output for column in model_run.spec.columns for output in column.outputs()]
    embedded = [output.name for output in outputs if output.embedded]
    used = {name: np.unique(engineered[TRAIN_SPLIT][name]).tolist() for name in embedded}
    assert not {name: index for name, index in used.items() if len(index) == 1}


def test_a_vocabulary_has_each_value_of_the_train_split_once(
    model_run: ModelRun, train_rows: list[Row]
) -> None:
    for column in model_run.spec.columns:
        if not isinstance(column, Categorical):
            continue
        words = model_run.transform_output.vocabulary_by_name(stem(column.name))
        seen = {value for row in train_rows for value in row.get(column.name, ())}
        known = {one if isinstance(one, bytes) else b"%d" % one for one in seen}
        assert len(set(words)) == len(words), column.name
        assert set(words) <= known, column.name
        assert len(words) == min(len(known - {b""}), column.max_vocabulary), column.name
