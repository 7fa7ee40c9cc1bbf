"""A SavedModel that does what its rows say: answer, refuse, never end, eat memory, answer NaN."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from taxiway.modeling.names import COLUMNS, SERVING
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.requests.ask import Column, Signature


def soon(seconds: float = 60.0) -> float:
    """A deadline."""
    return time.monotonic() + seconds


async def check_answers(version: LoadedVersion) -> None:
    """It answers columns and examples as the model does, and tells what it takes and gives."""
    columns = {"distance": [1, None, 2.5], "tags": [["a", "b"], None, "c"]}
    answer = await version.predict_columns(columns, soon())
    np.testing.assert_allclose(answer["probability"], [0.1, 0, 0.25], rtol=1e-6)
    assert answer["tags"].tolist() == [2, 0, 1]
    answer = await version.predict_examples([b"four", b""], soon())
    np.testing.assert_allclose(answer["probability"], [0.4, 0], rtol=1e-6)
    assert version.signatures[SERVING] == Signature(
        (Column("examples", "string"),), (Column("probability", "float32"),)
    )
    assert set(version.signatures[COLUMNS].inputs) == {
        Column("distance", "float32"),
        Column("order", "string"),
        Column("tags", "string", 2),
    }


def save_obedient(folder: Path, *, obeys: bool = True) -> Path:
    """Writes it to a folder: `probability` is a tenth of `distance`, or of an example's length.

    Args:
      folder: may be there; gives it back.
      obeys: whether it does what rows say; one that does not answers whatever they say.
    """
    import tensorflow as tf

    class Obedient(tf.Module):
        def _answer(self, given: Any, numbers: Any) -> dict[str, Any]:
            orders = given if obeys else tf.zeros_like(given)
            refused = tf.reduce_any(tf.equal(orders, "refuse"))
            check = tf.debugging.Assert(tf.logical_not(refused), ["told to refuse"])
            with tf.control_dependencies([check]):
                eats = tf.reduce_any(tf.equal(orders, "eat"))
            size = tf.where(eats, tf.constant(2**31, tf.int64), 1)
            eaten = tf.reduce_sum(tf.random.uniform([size]))
            turns = tf.constant(0, tf.int64)
            forever = tf.reduce_any(tf.equal(orders, "forever"))
            while forever and turns >= 0:
                turns += 1
            # minimum, and not a product with 0, which TensorFlow would see through
            nothing = tf.minimum(tf.cast(turns, tf.float32) + eaten, 0.0)
            known = tf.where(tf.math.is_nan(numbers), 0.0, numbers)
            answer = known * 0.1 + nothing
            return {"probability": tf.where(tf.equal(orders, "nan"), float("nan"), answer)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def examples(self, examples: Any) -> dict[str, Any]:
            return self._answer(examples, tf.cast(tf.strings.length(examples), tf.float32))

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, name="order"),
                tf.TensorSpec([None], tf.float32, name="distance"),
                tf.TensorSpec([None, None], tf.string, name="tags"),
            ]
        )
        def columns(self, order: Any, distance: Any, tags: Any) -> dict[str, Any]:
            tagged = tf.reduce_sum(tf.cast(tf.not_equal(tags, ""), tf.float32), axis=1)
            return {**self._answer(order, distance), "tags": tagged}

    obedient = Obedient()
    signatures = {"serving_default": obedient.examples, "serving_columns": obedient.columns}
    tf.saved_model.save(obedient, str(folder), signatures=signatures)
    return folder
