"""The model of the shared run, which the machine room's tests look at too."""

from tests.taxiway.modeling.conftest import (
    eval_rows,
    raw_rows,
    served,
    train_rows,
    trained,
)

__all__ = ["eval_rows", "raw_rows", "served", "train_rows", "trained"]
