"""Training on made-up data whose truth is known: it learns, repeats, stops and is calibrated."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taxiway.config.model import Hyperparameters
from taxiway.modeling.spec import Binary, Bucketized, Categorical, FeatureSpec, Numeric
from tests.taxiway.modeling.conftest import zero_or_one

pytestmark = pytest.mark.pipeline

ONE_NUMBER = FeatureSpec(Binary("y"), "id", (Numeric("x"),))
EVERY_ROLE = FeatureSpec(
    Binary("y"),
    "id",
    (
        Numeric("a"),
        Numeric("b", indicator=True),
        Categorical("c", max_vocabulary=3),
        Categorical("d", max_vocabulary=5, oov_buckets=2, encoding="embedding"),
        Bucketized("a", (0.0, 1.0)),
    ),
)


def settings(**changes: Any) -> Hyperparameters:
    start: dict[str, Any] = {"hidden_units": (8,), "dropout": 0.0, "learning_rate": 0.01}
    start |= {"batch_size": 128, "epochs": 10, "early_stopping_patience": 3}
    return Hyperparameters.model_validate(start | changes)


def rows_of(x: np.ndarray, labels: np.ndarray) -> Any:
    from taxiway.modeling.training.dataset import Rows

    return Rows({"x_number_xf": x.astype(np.float32).reshape(-1, 1)}, labels.astype(np.int64))


def drawn(count: int, slope: float, intercept: float, seed: int = 0) -> tuple[Any, np.ndarray]:
    """Rows whose label is drawn from a known probability, and that probability."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=count)
    truth = 1 / (1 + np.exp(-(slope * x + intercept)))
    return rows_of(x, generator.random(count) < truth), truth


def logits(network: Any, rows: Any) -> np.ndarray:
    found = network.predict(rows.columns, batch_size=8192, verbose=0).reshape(-1)
    return np.asarray(found, np.float64)


def sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def test_the_network_takes_every_role_and_gives_one_float32_logit_a_row() -> None:
    from taxiway.modeling.training.network import build_network

    network = build_network(EVERY_ROLE, settings(hidden_units=(4, 3)))
    inputs = {tensor.name: (tensor.shape[1:], tensor.dtype) for tensor in network.inputs}
    assert inputs == {
        "a_number_xf": ((1,), "float32"),
        "b_number_xf": ((1,), "float32"),
        "b_missing_xf": ((1,), "float32"),
        "a_bucket_xf": ((4,), "float32"),
        "c_category_xf": ((5,), "float32"),
        "d_category_xf": ((1,), "int64"),
    }
    columns = {
        name: np.full((7, *shape), 7 if kind == "int64" else 1, kind)  # 7 is the last index of d
        for name, (shape, kind) in inputs.items()
    }
    logit = network.predict(columns, verbose=0)
    assert (logit.shape, logit.dtype) == ((7, 1), np.float32)
    assert np.isfinite(logit).all()


def test_the_network_starts_from_the_initial_logit() -> None:
    from taxiway.modeling.training.network import build_network

    network = build_network(ONE_NUMBER, settings(), initial_logit=-2.5)
    assert logits(network, rows_of(np.zeros(3), np.zeros(3))).tolist() == [-2.5] * 3


def test_ten_rows_are_learned_by_heart(tmp_path: Path) -> None:
    from taxiway.modeling.training.trainer import train

    labels = np.array([0, 1, 0, 0, 1, 1, 0, 1, 1, 0])
    ten = rows_of(np.linspace(-2, 2, 10), labels)
    often = ten.take(np.tile(np.arange(10), 100))  # so that the rows watched are known too
    hyperparameters = settings(
        hidden_units=(64, 64),
        learning_rate=0.005,  # four times as much, and on some seeds every ReLU dies
        batch_size=16,
        epochs=20,
        early_stopping_patience=20,
    )
    network, head = train(ONE_NUMBER, zero_or_one(), hyperparameters, [often], tmp_path)
    logit = logits(network, ten) + head.logit_shift
    assert logit[labels == 1].min() > logit[labels == 0].max()
    loss = np.log1p(np.exp(np.where(labels == 1, -logit, logit))).mean()
    assert loss < 0.05


def test_the_seed_decides_the_weights(tmp_path: Path) -> None:
    from taxiway.modeling.training.trainer import train

    rows, _ = drawn(500, slope=2.0, intercept=-1.0)
    slow = settings(epochs=2, dropout=0.3, learning_rate=1e-4)  # stays near where it started
    first, again, other = (
        train(ONE_NUMBER, zero_or_one(), slow.model_copy(update={"seed": seed}), [rows], tmp_path)[
            0
        ]
        for seed in (7, 7, 8)
    )
    for one, two in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert np.abs(first.get_weights()[0] - other.get_weights()[0]).max() > 0.1


@pytest.mark.parametrize("weight", ["balanced", 1.0, 4.0])
def test_probabilities_are_calibrated_however_the_classes_are_weighted(
    tmp_path: Path, weight: Any
) -> None:
    from taxiway.modeling.tasks.binary import positive_weight
    from taxiway.modeling.training.trainer import train

    rows, truth = drawn(6000, slope=1.0, intercept=-2.5)
    hyperparameters = settings(positive_weight=weight)
    network, head = train(ONE_NUMBER, zero_or_one(), hyperparameters, [rows], tmp_path)
    fresh, truth = drawn(6000, slope=1.0, intercept=-2.5, seed=1)
    rate = truth.mean()
    assert rate == pytest.approx(0.11, abs=0.01)

    probability = sigmoid(logits(network, fresh) + head.logit_shift)
    assert probability.mean() == pytest.approx(rate, rel=0.15)
    assert np.abs(probability - truth).mean() < 0.03

    used = positive_weight(hyperparameters, float(rows.labels.mean()))
    assert head.logit_shift == pytest.approx(-math.log(used), abs=0.01)
    if used > 1:  # without the shift they are not
        assert sigmoid(logits(network, fresh)).mean() > 2 * rate


@pytest.mark.parametrize(
    ("setting", "rate", "weight"),
    [("balanced", 0.2, 4.0), ("balanced", 0.5, 1.0), ("balanced", 0.8, 1.0), (3.0, 0.2, 3.0)],
)
def test_balanced_gives_both_classes_the_same_total_weight_and_never_less_than_one(
    setting: Any, rate: float, weight: float
) -> None:
    from taxiway.modeling.tasks.binary import positive_weight

    assert positive_weight(settings(positive_weight=setting), rate) == pytest.approx(weight)


def test_training_stops_early_and_keeps_the_best_weights(tmp_path: Path) -> None:
    from taxiway.modeling.training.dataset import store_rows
    from taxiway.modeling.training.trainer import train

    generator = np.random.default_rng(0)
    noise = rows_of(generator.normal(size=300), generator.random(300) < 0.5)
    hyperparameters = settings(
        hidden_units=(64,), epochs=100, early_stopping_patience=2, positive_weight=1.0
    )
    network, head = train(ONE_NUMBER, zero_or_one(), hyperparameters, [noise], tmp_path)
    losses = network.history.history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + hyperparameters.early_stopping_patience < 100

    (watched,) = store_rows(
        [noise],
        zero_or_one(),
        tmp_path,
        hyperparameters.validation_fraction,
        hyperparameters.seed,
    ).watched()
    logit = logits(network, watched) + head.logit_shift
    loss = np.log1p(np.exp(np.where(watched.labels == 1, -logit, logit))).mean()
    assert loss == pytest.approx(losses[best], abs=1e-6)


def test_a_train_split_of_one_class_is_not_trained_on(tmp_path: Path) -> None:
    from taxiway.errors import DataError
    from taxiway.modeling.training.trainer import train

    with pytest.raises(DataError, match="no row with label 1"):
        train(ONE_NUMBER, zero_or_one(), settings(), [rows_of(np.zeros(5), np.zeros(5))], tmp_path)


def test_each_epoch_is_told_with_its_losses_and_the_time_left(tmp_path: Path) -> None:
    from taxiway.modeling.training.trainer import train
    from taxiway.process.progress import Progress, listening

    rows, _ = drawn(600, 2.0, 0.0)
    heard: list[Progress] = []
    with listening(heard.append):
        train(ONE_NUMBER, zero_or_one(), settings(epochs=3), [rows], tmp_path)
    assert [(one.done, one.total, one.unit) for one in heard] == [
        (done, 3, "epochs") for done in range(4)
    ]
    assert heard[0].text == "0 of 3 epochs"
    assert re.fullmatch(r"3 of 3 epochs, loss 0\.\d{4}, val_loss 0\.\d{4}", heard[-1].text)


def test_the_time_left_is_what_the_epochs_so_far_have_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from taxiway.modeling.training import epochs
    from taxiway.process.progress import Progress, listening

    clock = iter([100.0, 130.0])
    monkeypatch.setattr(epochs.time, "monotonic", lambda: next(clock))
    heard: list[Progress] = []
    callback = epochs.EpochsDone(100)
    monkeypatch.setattr("taxiway.process.progress.Pace.__init__", lambda *_: None)
    with listening(heard.append):
        callback.on_train_begin()
        callback.on_epoch_end(1, {"loss": 0.5})
    assert heard[-1].text == "2 of 100 epochs, loss 0.5000, at most 1,470 s left"
