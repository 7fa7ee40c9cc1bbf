"""What `auto` among the hyperparameters stands for."""

from __future__ import annotations

from typing import Any

import pytest

from taxiway.config.model import Hyperparameters
from taxiway.modeling.training.schedule import Schedule, schedule_for


def of(rows: int, **given: Any) -> Schedule:
    return schedule_for(Hyperparameters.model_validate(given), rows)


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [(1, 32, 100), (300, 32, 100), (3_000, 32, 43), (12_000, 128, 43), (1_000_000, 512, 10)],
)
def test_small_data_is_cut_into_smaller_batches_and_read_more_often(
    rows: int, batch_size: int, epochs: int
) -> None:
    found = of(rows)
    assert (found.batch_size, found.epochs) == (batch_size, epochs)
    assert found.patience == max(2, epochs // 10)


def test_what_is_given_stays() -> None:
    given = {"batch_size": 7, "learning_rate": 0.5, "epochs": 3, "early_stopping_patience": 1}
    assert of(12_000, **given) == Schedule(7, 0.5, 3, 1)


def test_epochs_fit_the_batches_that_are_given() -> None:
    assert of(12_000, batch_size=12_000).epochs == 100
    assert of(12_000, batch_size=1).epochs == 10
