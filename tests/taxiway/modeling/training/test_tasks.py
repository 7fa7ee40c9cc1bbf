"""Training on labels that are not 0 and 1: classes held out alike, weights, and numbers scaled."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.model import Hyperparameters
from taxiway.errors import DataError
from taxiway.modeling.spec import Binary, FeatureSpec, MultiClass, Numeric, Regression
from taxiway.modeling.spec.tasks import Task

pytestmark = pytest.mark.pipeline

THREE = MultiClass("y", ("a", "b", "c"))


def labels_of(task: Task) -> Any:
    from taxiway.modeling import tasks

    return tasks.labels_of(task, lambda _: [])


def rows_of(labels: Any, weights: Any = None) -> Any:
    from taxiway.modeling.training.dataset import Rows

    labels = np.asarray(labels)
    weights = None if weights is None else np.asarray(weights, np.float32)
    return Rows({"x_number_xf": np.arange(len(labels), dtype=np.float32)[:, None]}, labels, weights)


@contextmanager
def stored(task: Task, blocks: Sequence[Any], fraction: float = 0.2) -> Iterator[Any]:
    from taxiway.modeling.training.dataset import store_rows

    with tempfile.TemporaryDirectory() as folder:
        yield store_rows(blocks, labels_of(task), Path(folder), fraction, seed=1)


def test_as_large_a_share_of_each_class_is_held_out() -> None:
    labels = [0] * 100 + [1] * 50 + [2] * 10
    with stored(THREE, [rows_of(labels[::2]), rows_of(labels[1::2])]) as rows:
        assert rows.learned.rows == (80, 40, 8)
        (held,) = rows.watched()
        assert np.bincount(held.labels).tolist() == [20, 10, 2]


def test_numbers_are_held_out_at_random_and_their_moments_are_those_of_the_rest() -> None:
    values = (1e6 + np.arange(100)).astype(np.float32)
    with stored(Regression("y"), [rows_of(values[:30]), rows_of(values[30:])]) as rows:
        learn = np.concatenate([one.labels for one in rows.epoch(0)]).astype(np.float64)
        assert (rows.size, rows.held_out) == (80, 20)
        assert rows.learned.mean == pytest.approx(learn.mean(), rel=1e-12)
        assert rows.learned.deviation == pytest.approx(learn.std(), rel=1e-9)


@pytest.mark.parametrize(
    ("task", "labels", "weights", "message"),
    [
        (THREE, [0, 0, 2], None, "the train split has no row with label b"),
        (Regression("y"), np.array([2.5] * 9), None, "label 'y' is 2.5 in all rows"),
        (Regression("y"), np.zeros(0), None, "the train split has no rows"),
        (Binary("y", weight="w"), [0, 1, 1], [1, 0, 0], "weight 'w' is 0 in all rows of label 1"),
    ],
)
def test_what_there_is_nothing_to_learn_from_is_told(
    task: Task, labels: Any, weights: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message), stored(task, [rows_of(labels, weights)]):
        pass


def test_one_class_that_was_learned_is_told_by_its_name() -> None:
    from taxiway.modeling import tasks
    from taxiway.modeling.training.dataset import store_rows

    labels = tasks.labels_of(MultiClass("y"), lambda _: [b"only"])
    with pytest.raises(DataError, match="label 'y' has one class only in the train split: only"):
        store_rows([rows_of([0, 0])], labels, Path(tempfile.mkdtemp()), 0.1, 0)


def test_a_row_counts_by_its_own_weight_times_that_of_its_class() -> None:
    labels, weights = [0] * 40 + [1] * 20, [2.0] * 40 + [6.0] * 20
    with stored(Binary("y", weight="w"), [rows_of(labels, weights)]) as rows:
        assert rows.learned.weights == (64.0, 96.0)
        head = labels_of(Binary("y")).kind.head(("0", "1"), rows.learned, Hyperparameters())
        assert (head.positive_rate, head.positive_weight) == (0.6, 1.0)
        found = {
            (label, weight)
            for _, labels, weights in rows.batches(16, head).as_numpy_iterator()
            for label, weight in zip(labels.tolist(), weights.tolist(), strict=True)
        }
        each = 48 / 160  # so that the rows to learn from weigh 1 on average
        assert dict(found) == pytest.approx({0: 2 * each, 1: 6 * each})


def test_a_row_of_weight_three_is_as_three_rows(tmp_path: Path) -> None:
    """The share that is learned without any feature is that of the weights."""
    from taxiway.modeling.training.trainer import train

    spec = FeatureSpec(Binary("y", weight="w"), columns=(Numeric("x"),))
    rows = rows_of([0] * 300 + [1] * 300, [1.0] * 300 + [3.0] * 300)
    rows.columns["x_number_xf"][:] = 0.0
    settings = Hyperparameters(hidden_units=(4,), epochs=20, learning_rate=0.02)
    network, head = train(spec, labels_of(spec.task), settings, [rows], tmp_path)
    logit = network.predict({"x_number_xf": np.zeros((1, 1))}, verbose=0) + head.logit_shift
    assert 1 / (1 + math.exp(-logit.item())) == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("class_weights", ["balanced", "none"])
def test_the_shares_of_classes_are_calibrated_however_they_are_weighted(
    tmp_path: Path, class_weights: Any
) -> None:
    from taxiway.modeling.training.trainer import train

    spec = FeatureSpec(THREE, columns=(Numeric("x"),))
    rows = rows_of([0] * 700 + [1] * 250 + [2] * 50)
    rows.columns["x_number_xf"][:] = 0.0
    settings = Hyperparameters(hidden_units=(4,), epochs=5, class_weights=class_weights)
    network, head = train(spec, labels_of(THREE), settings, [rows], tmp_path)
    logits = network.predict({"x_number_xf": np.zeros((1, 1))}, verbose=0)
    shares = head.answers(logits)["probabilities"].numpy()[0]
    np.testing.assert_allclose(shares, [0.7, 0.25, 0.05], atol=0.02)
    weights = (1.0, 2.8, 14.0) if class_weights == "balanced" else (1.0, 1.0, 1.0)
    assert head.weights == pytest.approx(weights)


def test_a_network_has_a_logit_for_each_class_and_starts_from_their_shares() -> None:
    from taxiway.modeling.training.network import build_network

    spec = FeatureSpec(THREE, columns=(Numeric("x"),))
    network = build_network(spec, Hyperparameters(), initial_logit=(-1.0, 0.0, 2.0))
    found = network.predict({"x_number_xf": np.zeros((2, 1))}, verbose=0)
    assert found.tolist() == [[-1.0, 0.0, 2.0]] * 2


def test_a_number_has_no_confusion_matrix_and_several_classes_have_one(tmp_path: Path) -> None:
    from taxiway.modeling.training.trainer import train

    settings = Hyperparameters(hidden_units=(4,), epochs=1)
    for name, task, labels in (
        ("number", Regression("y"), np.arange(50, dtype=np.float32)),
        ("classes", THREE, np.arange(60) % 3),
    ):
        spec = FeatureSpec(task, columns=(Numeric("x"),))
        train(spec, labels_of(task), settings, [rows_of(labels)], tmp_path / name)
    assert (tmp_path / "classes" / "confusion_matrix").is_dir()
    assert not (tmp_path / "number" / "confusion_matrix").exists()
