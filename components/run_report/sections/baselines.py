"""What a constant and a linear model reach on the same data: what the model is worth beside them.

Both learn from rows of the train split and are judged on rows of the eval split, as many of each
shard as of any other, and few enough that the report waits for less than half a second. Numbers
are standardised, other columns are one-hot by their commonest values.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from components.run_report.sections.known import KnownRun
from components.run_report.sections.rows import Columns, read_columns
from taxiway.evaluation.formulas import log_loss
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT
from taxiway.modeling.spec import Binary, FeatureSpec, Regression

Array = npt.NDArray[Any]
TRAIN_ROWS: Final = 5_000
EVAL_ROWS: Final = 8_000
MOST_CLASSES: Final = 10
MOST_VALUES: Final = 20
"""Of a column that is no number; the others are alike."""
STEPS: Final = 8
"""Of Newton's method: enough for four digits."""
RIDGE: Final = 1.0
"""Added to the curvature, as scikit-learn's C=1: columns may say the same twice."""


def baselines_section(run: KnownRun) -> dict[str, Any] | None:
    """Metrics of a constant and of a linear model, under the names that evaluations have.

    Returns:
      None where there are no examples, or more classes than ten.
    """
    examples, spec = run.uri("ArrowExampleGen", "examples"), run.spec
    if not examples or spec is None:
        return None
    train = read_columns(examples, TRAIN_SPLIT, spec, TRAIN_ROWS)
    evaluated = read_columns(examples, EVAL_SPLIT, spec, EVAL_ROWS)
    if not train.rows or not evaluated.rows:
        return None
    design = _Design(train, spec)
    x, x_eval = design.matrix(train), design.matrix(evaluated)
    if isinstance(spec.task, Regression):
        found: dict[str, Any] | None = _regression(train, evaluated, x, x_eval)
    else:
        found = _classification(isinstance(spec.task, Binary), train, evaluated, x, x_eval)
    return found and {
        "train_rows": train.rows,
        "eval_rows": evaluated.rows,
        "columns": design.names,
        **found,
    }


class _Design:
    """Columns as numbers, by what the train split has in them."""

    def __init__(self, train: Columns, spec: FeatureSpec) -> None:
        self.numbers = [name for name in train.numbers if name in spec.numbers()]
        self.texts = {
            name: [value for value, _ in counted[:MOST_VALUES]]
            for name in train.texts
            if name not in self.numbers and (counted := train.counted(name))
        }
        self.names = [*self.numbers, *self.texts]
        known = [one[np.isfinite(one)] for one in (train.numbers[n] for n in self.numbers)]
        self.means = [float(one.mean()) if one.size else 0.0 for one in known]
        self.scales = [float(one.std()) if one.size else 0.0 for one in known]

    def matrix(self, columns: Columns) -> Array:
        """[rows, 1 + numbers + values], the first column all 1."""
        made: list[Array] = [np.ones(columns.rows)]
        for name, mean, scale in zip(self.numbers, self.means, self.scales, strict=True):
            centred = (columns.numbers[name] - mean) / (scale or 1.0)
            made.append(np.clip(np.where(np.isfinite(centred), centred, 0.0), -8, 8))
        for name, values in self.texts.items():
            made += columns.one_hot(name, values)
        return np.stack(made, axis=1)


def _classification(
    binary: bool, train: Columns, evaluated: Columns, x: Array, x_eval: Array
) -> dict[str, Any] | None:
    classes = [False, True] if binary else sorted({*train.labels.tolist()})
    if not 2 <= len(classes) <= MOST_CLASSES:
        return None
    y = np.stack([train.labels == one for one in classes], axis=1).astype(np.float64)
    truth = np.stack([evaluated.labels == one for one in classes], axis=1).astype(np.float64)
    shares = np.average(y, axis=0, weights=train.weights)
    of_classes = range(1, 2) if binary else range(len(classes))
    scores = np.stack(
        [_sigmoid(x_eval @ fit_logistic(x, y[:, k], train.weights)) for k in of_classes], axis=1
    )
    linear = np.concatenate([1 - scores, scores], axis=1) if binary else scores
    linear = linear / np.maximum(linear.sum(axis=1, keepdims=True), 1e-12)
    constant = np.broadcast_to(shares, truth.shape)
    metrics = binary_metrics if binary else class_metrics
    told = "base rate" if binary else "shares of the classes, and the commonest class"
    return {
        "constant": {"is": told, "metrics": metrics(truth, constant, evaluated.weights)},
        "linear": {
            "is": "logistic regression" + ("" if binary else ", one class against the rest"),
            "metrics": metrics(truth, linear, evaluated.weights),
        },
    }


def _regression(train: Columns, evaluated: Columns, x: Array, x_eval: Array) -> dict[str, Any]:
    y, truth = train.labels.astype(np.float64), evaluated.labels.astype(np.float64)
    weighted = x * train.weights[:, np.newaxis]
    ridge = RIDGE * np.eye(x.shape[1])
    ridge[0, 0] = 0.0
    fitted = x_eval @ np.linalg.solve(x.T @ weighted + ridge, weighted.T @ y)
    mean = np.full(len(truth), np.average(y, weights=train.weights))
    return {
        "constant": {"is": "mean", "metrics": number_metrics(truth, mean, evaluated.weights)},
        "linear": {
            "is": "linear regression",
            "metrics": number_metrics(truth, fitted, evaluated.weights),
        },
    }


def fit_logistic(x: Array, y: Array, weights: Array) -> Array:
    """Coefficients of a logistic regression with a ridge, by Newton's method.

    Args:
      x: [rows, columns], the first all 1.
      y: [rows], 0 or 1.
      weights: [rows].
    """
    beta = np.zeros(x.shape[1])
    ridge = RIDGE * np.eye(x.shape[1])
    ridge[0, 0] = 1e-6
    for _ in range(STEPS):
        p = _sigmoid(x @ beta)
        gradient = x.T @ (weights * (y - p)) - ridge @ beta
        curvature = (x * (weights * np.maximum(p * (1 - p), 1e-6))[:, np.newaxis]).T @ x + ridge
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step
        if np.abs(step).max() < 1e-4:
            break
    return beta


def _sigmoid(z: Array) -> Array:
    chance: Array = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
    return chance


def binary_metrics(truth: Array, answers: Array, weights: Array) -> dict[str, float]:
    """Of [rows, 2] shares and answers."""
    y, p = truth[:, 1], answers[:, 1]
    return {
        "auc": auc(y, p, weights),
        "binary_accuracy": _mean((p > 0.5) == (y > 0.5), weights),
        "binary_crossentropy": _mean((truth * log_loss(answers)).sum(axis=1), weights),
        "brier": _mean((y - p) ** 2, weights),
        "calibration": _mean(p, weights) / _mean(y, weights) if y.any() else float("nan"),
    }


def class_metrics(truth: Array, answers: Array, weights: Array) -> dict[str, float]:
    """Of [rows, classes] shares and answers."""
    right = truth[np.arange(len(truth)), answers.argmax(axis=1)]
    return {
        "sparse_categorical_accuracy": _mean(right, weights),
        "sparse_categorical_crossentropy": _mean((truth * log_loss(answers)).sum(axis=1), weights),
    }


def number_metrics(truth: Array, answers: Array, weights: Array) -> dict[str, float]:
    """Of [rows] numbers."""
    squared = _mean((truth - answers) ** 2, weights)
    spread = _mean((truth - np.average(truth, weights=weights)) ** 2, weights)
    return {
        "mean_absolute_error": _mean(np.abs(truth - answers), weights),
        "mean_squared_error": squared,
        "root_mean_squared_error": squared**0.5,
        "r2": 1 - squared / spread if spread > 0 else float("nan"),
    }


def auc(y: Array, p: Array, weights: Array) -> float:
    """Area under the ROC curve; ties count half. NaN where all labels are the same."""
    values, place = np.unique(p, return_inverse=True)
    yes = np.bincount(place, weights * y, len(values))
    no = np.bincount(place, weights * (1 - y), len(values))
    if not yes.sum() or not no.sum():
        return float("nan")
    below = np.cumsum(no) - no
    return float((yes * (below + no / 2)).sum() / (yes.sum() * no.sum()))


def _mean(values: Array, weights: Array) -> float:
    return float(np.average(values, weights=weights))
