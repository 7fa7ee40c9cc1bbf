"""With the defaults, a model of any task is no worse than a linear one of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from taxiway.modeling.spec.columns import Output
from tests.taxiway.modeling.tasks.small import Small, Table, penguins, rides

pytestmark = [pytest.mark.pipeline, pytest.mark.one_stack, pytest.mark.xdist_group("tasks")]

JUDGED = 4000


def flat(model: Small, rows: Any) -> np.ndarray:
    """What the network sees, as one matrix: the index of an embedding becomes one-hot."""
    outputs: list[Output] = [one for column in model.spec.columns for one in column.outputs()]
    parts = []
    for one in outputs:
        value = rows.columns[one.name]
        parts.append(np.eye(one.width)[value.reshape(-1)] if one.embedded else value)
    return np.concatenate(parts, axis=1)


def judged(model: Small, make: Callable[..., Table], learned: int) -> tuple[Any, ...]:
    """Logits of rows that are new, those rows, and both tables for a linear model."""
    seen, new = model.transformed(make(learned)), model.transformed(make(JUDGED, seed=100))
    logits = model.network.predict(new.columns, batch_size=JUDGED, verbose=0)
    return logits, new.labels, flat(model, seen), seen.labels, flat(model, new)


def test_of_several_classes_as_many_are_right(of_penguins: Small) -> None:
    from sklearn.linear_model import LogisticRegression

    logits, labels, seen, seen_labels, new = judged(of_penguins, penguins, 300)
    ours = (np.argmax(logits + of_penguins.head.logit_shift, axis=1) == labels).mean()
    linear = LogisticRegression(max_iter=2000).fit(seen, seen_labels)
    assert ours > (linear.predict(new) == labels).mean() - 0.01


def test_of_two_the_order_is_as_good_and_probabilities_are_calibrated(of_tips: Small) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    logits, labels, seen, seen_labels, new = judged(of_tips, rides, 3000)
    linear = LogisticRegression(max_iter=2000).fit(seen, seen_labels)
    theirs = roc_auc_score(labels, linear.predict_proba(new)[:, 1])
    assert roc_auc_score(labels, logits.reshape(-1)) > theirs - 0.01
    probability = 1 / (1 + np.exp(-logits - of_tips.head.logit_shift))
    assert probability.mean() == pytest.approx(labels.mean(), rel=0.1)


def test_numbers_are_as_near(of_fares: Small) -> None:
    from sklearn.linear_model import LinearRegression

    logits, labels, seen, seen_labels, new = judged(of_fares, rides, 3000)
    theirs = LinearRegression().fit(seen, seen_labels).predict(new)
    assert rmse(of_fares.head.predicted(logits), labels) < 1.02 * rmse(theirs, labels)


def rmse(values: np.ndarray, labels: np.ndarray) -> float:
    return float(np.sqrt(np.mean((values - labels) ** 2)))
