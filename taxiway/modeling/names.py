"""Names by which others find what a model has: its splits, signatures and outputs."""

from __future__ import annotations

from typing import Final

TRAIN_SPLIT: Final = "train"
EVAL_SPLIT: Final = "eval"
"""What the Evaluator judges by and the Trainer never sees."""

SERVING: Final = "serving_default"
"""The signature that takes serialized tf.Examples, and which the Evaluator asks."""
COLUMNS: Final = "serving_columns"
"""The signature that takes plain columns."""
TRANSFORM: Final = "transform_features"

PROBABILITY: Final = "probability"
"""The output of a binary model."""
