"""SavedModels with a head of each task, as the exporter makes their signatures, and no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CLASSES = ("JFK", "LGA", "EWR")
TASKS = ("binary", "multi_class", "regression")


def save_model(task: str, folder: Path) -> Path:
    """A model of a task, which takes an origin and a distance."""
    import tensorflow as tf

    from taxiway.modeling.tasks.binary import BinaryHead
    from taxiway.modeling.tasks.multi_class import MultiClassHead
    from taxiway.modeling.tasks.regression import RegressionHead

    heads: dict[str, Any] = {
        "binary": BinaryHead(("not late", "late"), 0.2, 3.0),
        "multi_class": MultiClassHead(CLASSES, (0.5, 0.3, 0.2), (1.0, 2.0, 3.0)),
        "regression": RegressionHead(12.5, 3.25),
    }
    head = heads[task]
    width = len(CLASSES) if task == "multi_class" else 1

    class Model(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
        def answers(self, origin: Any, distance: Any) -> dict[str, Any]:
            known = tf.where(tf.math.is_nan(distance), 0.0, distance / 1000.0)
            letters = tf.cast(tf.strings.length(origin), tf.float32)
            logits = tf.stack([known * (at + 0.5) - letters / 7.0 for at in range(width)], axis=1)
            return dict(head.answers(logits))

        @tf.function
        def columns(self, origin: Any, distance: Any) -> dict[str, Any]:
            return self.answers(origin, distance)

        @tf.function
        def examples(self, examples: Any) -> dict[str, Any]:
            features = {
                "origin": tf.io.FixedLenFeature([], tf.string, ""),
                "distance": tf.io.FixedLenFeature([], tf.float32, float("nan")),
            }
            return self.answers(**tf.io.parse_example(examples, features))

        @tf.function
        def inputs(self, inputs: Any) -> dict[str, Any]:
            return dict(head.served(self.examples(inputs)))

    model = Model()
    serialized = tf.TensorSpec([None], tf.string)
    signatures = {
        "serving_default": model.examples.get_concrete_function(serialized),
        "serving_columns": model.columns.get_concrete_function(
            origin=tf.TensorSpec([None], tf.string, "origin"),
            distance=tf.TensorSpec([None], tf.float32, "distance"),
        ),
        head.signature: model.inputs.get_concrete_function(serialized),
    }
    tf.saved_model.save(model, str(folder), signatures=signatures)
    return folder
