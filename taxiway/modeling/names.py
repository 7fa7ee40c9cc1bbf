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
LABELS: Final = "labels"
"""The signature from serialized tf.Examples to their labels, as the model has them: int64 [N], the
number of a class, or float32 [N]."""
CLASSIFY: Final = "classify"
"""TensorFlow Serving's signature of a model of classes."""
REGRESS: Final = "regress"
"""TensorFlow Serving's signature of a model of a number."""

PROBABILITY: Final = "probability"
"""The output of a binary model, float32 [N]."""
PROBABILITIES: Final = "probabilities"
"""The output of a model of several classes, float32 [N, K]."""
CLASS: Final = "class"
"""Its likeliest class by name, string [N]."""
VALUE: Final = "value"
"""The output of a regression, float32 [N], in the label's own unit."""

LOGGED: Final = "_taxiway_"
"""With which the names of the decision log's own columns begin: they are no input of any model, and
ArrowExampleGen reads files as if they were not there."""
