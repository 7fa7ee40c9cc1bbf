"""Batches, steps and epochs that fit the number of rows, where hyperparameters leave it open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

SMALLEST_BATCH: Final = 32
LARGEST_BATCH: Final = 512
STEPS_OF_AN_EPOCH: Final = 100
"""As few as small data can be cut into by batches that still tell a direction."""
STEPS: Final = 4000
"""Of which a network with this step size needs some thousands to leave underfitting behind."""
FEWEST_EPOCHS: Final = 10
MOST_EPOCHS: Final = 100
LEARNING_RATE: Final = 0.003


@dataclass(frozen=True)
class Schedule:
    """What `auto` stands for in a training."""

    batch_size: int
    learning_rate: float
    epochs: int
    patience: int


def schedule_for(hyperparameters: Any, rows: int) -> Schedule:
    """The schedule of the hyperparameters, each `auto` among them replaced.

    Args:
      hyperparameters: with `batch_size`, `learning_rate`, `epochs` and `early_stopping_patience`.
      rows: to learn from.
    """

    def chosen(name: str, automatic: Any) -> Any:
        value = getattr(hyperparameters, name)
        return automatic if value == "auto" else value

    fitting = 2 ** round(math.log2(max(1, rows / STEPS_OF_AN_EPOCH)))
    batch_size = chosen("batch_size", min(LARGEST_BATCH, max(SMALLEST_BATCH, fitting)))
    steps = -(-rows // batch_size)
    epochs = chosen("epochs", min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-STEPS // steps))))
    return Schedule(
        batch_size,
        chosen("learning_rate", LEARNING_RATE),
        epochs,
        chosen("early_stopping_patience", max(2, epochs // 10)),
    )
