"""The rows that a model learns from and is judged by: whole, named, labelled, and apart."""

from __future__ import annotations

import math
from typing import Any

import pytest

from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT
from taxiway.testing.answers import Served
from taxiway.testing.rows import Row
from taxiway.testing.run import ModelRun

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model")]


def test_both_splits_have_rows(train_rows: list[Row], eval_rows: list[Row]) -> None:
    assert train_rows
    assert eval_rows


def test_every_row_has_a_key_of_its_own(
    model_run: ModelRun, train_rows: list[Row], eval_rows: list[Row]
) -> None:
    key = model_run.spec.key
    if key is None:
        pytest.skip("the FeatureSpec names no key")
    keys = [tuple(row.get(key, ())) for row in (*train_rows, *eval_rows)]
    assert () not in keys
    assert len(set(keys)) == len(keys), "a row is there twice, or in both splits"


def test_every_row_has_one_label_that_the_model_knows(
    model_run: ModelRun, served_model: Served, train_rows: list[Row], eval_rows: list[Row]
) -> None:
    label = model_run.spec.label
    assert {len(row.get(label, ())) for row in (*train_rows, *eval_rows)} == {1}
    for split in (TRAIN_SPLIT, EVAL_SPLIT):
        found = served_model.labels(model_run.examples(split))
        odd = [value for value in found.tolist() if not math.isfinite(value)]
        odd += [value for value in found.tolist() if found.dtype.kind != "f" and value < 0]
        assert not odd, f"{split}: {len(odd)} labels are none"


def test_there_is_something_to_tell_apart(
    model_run: ModelRun, served_model: Served, eval_labels: Any
) -> None:
    learned = served_model.labels(model_run.examples(TRAIN_SPLIT))
    assert len(set(learned.tolist())) > 1, "all labels of the train split are the same"
    assert len(set(eval_labels.tolist())) > 1, "all labels of the eval split are the same"


def test_a_column_has_a_value_in_some_row(column: Any, train_rows: list[Row]) -> None:
    for name in column.sources:
        assert any(name in row for row in train_rows), f"{name} is empty in every row"


def test_a_column_has_the_type_of_the_schema(
    column: Any, kinds: dict[str, str], train_rows: list[Row]
) -> None:
    for name in column.sources:
        expected = {"INT": int, "FLOAT": float, "BYTES": bytes}[kinds[name]]
        assert {type(value) for row in train_rows for value in row.get(name, ())} == {expected}
