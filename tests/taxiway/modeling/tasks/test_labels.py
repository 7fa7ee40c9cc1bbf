"""Labels of each task: what becomes of a column of any type, and what is told of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from taxiway.errors import DataError
from taxiway.modeling.spec import Binary, MultiClass, Regression
from taxiway.modeling.spec.tasks import Task
from tests.taxiway.modeling.tasks.small import examples, parsed, raw_spec

pytestmark = pytest.mark.pipeline

YES, NO = 1, 0
NONE = -1
NAN = float("nan")


def labels_of(task: Task, found: Sequence[bytes] = ()) -> Any:
    from taxiway.modeling import tasks

    return tasks.labels_of(task, lambda _: found)


def column(values: Sequence[Any]) -> np.ndarray:
    return np.array(values, np.float32 if isinstance(values[0], float) else None)


def numbered(task: Task, values: Sequence[Any], ragged: bool) -> np.ndarray:
    """A raw column through Transform's part and the model's."""
    import tensorflow as tf

    labels, table = labels_of(task), {task.label: column(values)}
    spec = raw_spec(table)
    if not ragged:
        kind = spec[task.label].dtype
        missing = {tf.string: "", tf.float32: NAN}.get(kind, 0)
        spec = {task.label: tf.io.FixedLenFeature([], kind, missing)}
    raw = parsed(examples(table), spec)[task.label]
    found = labels.numbered(labels.kind.transformed(task, raw))
    return np.asarray(found)


@pytest.mark.parametrize("ragged", [True, False])
@pytest.mark.parametrize(
    ("task", "values", "wanted"),
    [
        (Binary("y"), [1, 0, 2, -1], [YES, NO, NONE, NONE]),
        (Binary("y"), [1.0, 0.0, 0.5, NAN], [YES, NO, NONE, NONE]),
        (Binary("y", positive=2), [1, 2, 3], [NO, YES, NO]),
        (Binary("y", positive=True), [1, 0], [YES, NO]),
        (Binary("y", positive=2.0), [1, 2], [NO, YES]),
        (Binary("y", positive=0.1), [0.1, 0.2, NAN], [YES, NO, NONE]),
        (Binary("y", positive=1), [1.0, 0.2], [YES, NO]),
        (Binary("y", positive="ja"), ["ja", "nein", "", "Ja"], [YES, NO, NONE, NO]),
        (MultiClass("y", ("b", "a")), ["a", "b", "c", ""], [1, 0, NONE, NONE]),
        (MultiClass("y", (10, 9)), [9, 10, 8], [1, 0, NONE]),
        (MultiClass("y", ("1", "2")), [2, 1], [1, 0]),
        (Regression("y"), [3, -4], [3.0, -4.0]),
        (Regression("y"), [0.5, NAN], [0.5, NAN]),
    ],
)
def test_a_label_of_any_type_becomes_the_number_of_its_class_or_stays_one(
    task: Task, values: Sequence[Any], wanted: Sequence[float], ragged: bool
) -> None:
    found = numbered(task, values, ragged)
    assert found.dtype == (np.float32 if isinstance(task, Regression) else np.int64)
    np.testing.assert_array_equal(found, np.array(wanted, found.dtype))


@pytest.mark.parametrize(
    ("found", "classes"),
    [
        ([b"b", b"a", b"\xc3\xa4"], ("a", "b", "ä")),
        ([b"10", b"9", b"-2"], ("-2", "9", "10")),
        ([b"x", b"10", b"9"], ("9", "10", "x")),
    ],
)
def test_classes_that_are_learned_are_in_order(found: list[bytes], classes: Any) -> None:
    assert labels_of(MultiClass("y"), found).classes == classes


def test_a_label_of_very_many_classes_is_told_so() -> None:
    names = [f"{number}.5".encode() for number in range(1001)]
    with pytest.raises(DataError, match=r"label 'y' has more than 1,000 classes") as refused:
        labels_of(MultiClass("y"), names)
    assert refused.value.edit.endswith("its classes, or Regression('y')")


@pytest.mark.parametrize(
    ("task", "transformed", "numbers", "message"),
    [
        (
            MultiClass("y", ("a", "b")),
            np.array([b"a", b"c", b""], object),
            [0, -1, -1],
            "label 'y' must be one of a, b, found no value, c",
        ),
        (
            MultiClass("y", tuple(range(12))),
            np.array([b"12"], object),
            [-1],
            "label 'y' must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more, found 12",
        ),
        (
            Regression("y"),
            np.array([1.0, NAN, np.inf], np.float32),
            np.array([1.0, NAN, np.inf], np.float32),
            "label 'y' must be a finite number, found inf, no value",
        ),
        (Binary("y"), np.array([0.5], np.float32), [-1], "label 'y' must be 0 or 1, found 0.5"),
    ],
)
def test_a_label_that_is_none_is_told_with_what_it_was(
    task: Task, transformed: np.ndarray, numbers: Any, message: str
) -> None:
    with pytest.raises(DataError) as refused:
        labels_of(task).check(transformed, np.asarray(numbers))
    assert refused.value.message == message
    assert refused.value.edit == "the data of column 'y', or task in the model's features.py"


def test_a_weight_that_is_none_is_told_with_what_it_was() -> None:
    labels = labels_of(Binary("y", weight="w"))
    labels.check_weights(np.array([0.0, 2.5], np.float32))
    with pytest.raises(DataError) as refused:
        labels.check_weights(np.array([1.0, -1.0, NAN], np.float32))
    assert refused.value.message == (
        "weight 'w' must be a finite number from 0 on, found -1.0, no value"
    )
