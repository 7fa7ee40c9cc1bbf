"""The trained model: it answers any row, learns, repeats itself, and beats knowing nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from taxiway.modeling.names import (
    CLASS,
    EVAL_SPLIT,
    PROBABILITIES,
    PROBABILITY,
    TRAIN_SPLIT,
    VALUE,
)
from taxiway.testing.answers import Answers, Served, quality, task_of
from taxiway.testing.rows import Kinds, Row, as_columns, as_example, with_odd_values
from taxiway.testing.run import ModelRun
from taxiway.testing.training import BY_HEART, SHORT, train_on

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("model")]

ROWS: Final = 200
FEW: Final = 10
COPIES: Final = 40
"""Of each, so that those held out to watch are learned from too."""
CLOSE: Final = 1e-6
"""Relative to max(1, |value|)."""


def check_answers(found: Answers, rows: int) -> None:
    """Every row has an answer of the task's type, shape and range."""
    assert set(task_of(found).outputs) <= set(found)
    for name in (PROBABILITY, VALUE):
        if name in found:
            assert found[name].dtype == np.dtype(np.float32)
            assert found[name].shape == (rows,)
            assert np.isfinite(found[name]).all()
    if PROBABILITY in found:
        assert ((found[PROBABILITY] >= 0) & (found[PROBABILITY] <= 1)).all()
    if PROBABILITIES in found:
        each = found[PROBABILITIES]
        assert each.dtype == np.dtype(np.float32)
        assert (each.shape[0], each.ndim) == (rows, 2)
        assert ((each >= 0) & (each <= 1)).all()
        np.testing.assert_allclose(each.sum(axis=1), 1.0, atol=1e-5)
        assert found[CLASS].shape == (rows,)
        names: dict[int, Any] = {}
        for index, name in zip(each.argmax(axis=1).tolist(), found[CLASS], strict=True):
            assert names.setdefault(index, name) == name, "a class has two names"


def check_same(found: Answers, expected: Answers) -> None:
    """Two answers are the same, but for rounding."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(found[name], value, rtol=CLOSE, atol=CLOSE, err_msg=name)
    if PROBABILITIES in expected:  # two classes as likely as each other may change places
        ranked = np.sort(expected[PROBABILITIES], axis=1)
        clear = (ranked[:, -1] - ranked[:, -2]) > 4 * CLOSE
        assert (found[CLASS] == expected[CLASS])[clear].all()


def test_every_row_of_the_eval_split_has_an_answer(
    model_run: ModelRun, eval_answers: Answers
) -> None:
    check_answers(eval_answers, len(model_run.examples(EVAL_SPLIT)))


def test_a_row_that_no_one_would_send_has_an_answer(
    model_run: ModelRun, served_model: Served, kinds: Kinds, eval_rows: list[Row]
) -> None:
    odd = with_odd_values(eval_rows[0], model_run.spec, kinds)
    check_answers(served_model.by_examples([as_example(row, kinds) for row in odd]), len(odd))


def test_no_rows_have_no_answers(served_model: Served) -> None:
    found = served_model.by_examples([])
    assert {len(value) for value in found.values()} == {0}


def test_a_row_is_answered_as_it_is_among_others(
    model_run: ModelRun, served_model: Served, eval_answers: Answers
) -> None:
    examples = model_run.examples(EVAL_SPLIT)
    for number in range(min(5, len(examples))):
        alone = {name: value[number : number + 1] for name, value in eval_answers.items()}
        check_same(served_model.by_examples([examples[number]]), alone)


def test_a_request_is_answered_as_the_batch_is(
    model_run: ModelRun, served_model: Served, eval_rows: list[Row], eval_answers: Answers
) -> None:
    """Serving skew: plain columns in JSON, against the tf.Examples of the pipeline."""
    columns = as_columns(eval_rows[:ROWS], model_run.spec)
    expected = {name: value[:ROWS] for name, value in eval_answers.items()}
    check_same(served_model.by_columns(columns), expected)


def test_a_request_is_transformed_as_the_rows_that_were_learned_from(
    model_run: ModelRun, engineered: dict[str, Answers]
) -> None:
    """Training skew: the exported model's own graph, against Transform's."""
    import tensorflow as tf

    output = model_run.transform_output
    examples = tf.constant(list(model_run.examples(TRAIN_SPLIT)[:ROWS]))
    raw = tf.io.parse_example(examples, output.raw_feature_spec())
    expected = tf.saved_model.load(output.transform_savedmodel_dir).transform_fn(raw)
    for name, value in engineered[TRAIN_SPLIT].items():
        dense = expected[name]
        dense = tf.sparse.to_dense(dense) if isinstance(dense, tf.SparseTensor) else dense
        np.testing.assert_array_equal(value[:ROWS].reshape(-1), dense.numpy().reshape(-1), name)


def test_the_model_beats_knowing_nothing(
    model_run: ModelRun, eval_answers: Answers, eval_labels: Any
) -> None:
    """On rows that it has not seen; where the rows are mock ones, it is not worse."""
    found = quality(eval_answers, eval_labels)
    assert found is not None, "the eval split has one class only"
    assert not found.is_worse_than_nothing, str(found)
    if model_run.origin != "mock rows":
        assert found.beats_nothing, str(found)


def test_no_slice_is_worse_than_knowing_nothing(
    model_run: ModelRun, eval_answers: Answers, eval_labels: Any, eval_rows: list[Row]
) -> None:
    evaluation = model_run.config.evaluation
    if not any(evaluation.slices):
        pytest.skip("evaluation.slices names none")
    if model_run.origin == "mock rows":
        pytest.skip("mock rows are too few to tell of slices")
    told = []
    for columns in filter(None, evaluation.slices):
        of_row = [tuple(tuple(row.get(name, ())) for name in columns) for row in eval_rows]
        for value in sorted(set(of_row)):
            here = np.array([one == value for one in of_row])
            if here.sum() < evaluation.min_slice_rows:
                continue
            answers = {name: answer[here] for name, answer in eval_answers.items()}
            found = quality(answers, eval_labels[here], eval_labels)
            if found is not None and found.is_worse_than_nothing:
                told.append(f"{columns} {value}: {found}")
    assert not told


def ten_of(model_run: ModelRun, served_model: Served) -> list[bytes]:
    """Rows of the train split that differ, of as many classes (or numbers) as can be had."""
    examples = model_run.examples(TRAIN_SPLIT)[:2000]
    labels = served_model.labels(examples).tolist()
    seen = served_model.transformed(examples)
    apart = set(model_run.spec.apart())
    parts = [seen[name].reshape(len(examples), -1) for name in sorted(set(seen) - apart)]
    different: dict[bytes, int] = {}
    for number in range(len(examples)):
        row = b"".join(np.ascontiguousarray(part[number]).tobytes() for part in parts)
        different.setdefault(row, number)
    by_label: dict[float, list[int]] = {}
    for number in different.values():
        by_label.setdefault(labels[number], []).append(number)
    chosen: list[int] = []
    while len(chosen) < FEW and any(by_label.values()):
        for numbers in list(by_label.values())[:FEW]:
            chosen += [numbers.pop(0)] if numbers else []
    return [examples[number] for number in chosen[:FEW]]


@pytest.mark.one_stack
def test_ten_rows_are_learned_by_heart(
    model_run: ModelRun, served_model: Served, tmp_path: Path
) -> None:
    """What cannot learn ten rows learns nothing from more."""
    ten = ten_of(model_run, served_model)
    learned = train_on(model_run, ten * COPIES, tmp_path, BY_HEART)
    labels = served_model.labels(ten)
    found = quality(learned.by_examples(ten), labels)
    assert found is not None
    assert found.figure > 0.9, str(found)


@pytest.mark.one_stack
def test_the_same_seed_makes_the_same_weights(
    model_run: ModelRun, served_model: Served, tmp_path: Path
) -> None:
    rows = list(model_run.examples(TRAIN_SPLIT)[:500])
    first, second = (
        train_on(model_run, rows, tmp_path / name, SHORT).weights for name in ("first", "second")
    )
    assert len(first) == len(second) == len(served_model.weights)
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
