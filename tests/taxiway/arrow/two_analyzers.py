"""A small preprocessing_fn: tf.Transform on Beam takes seconds for each analyzer."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """A number that is scaled, and words that become indices."""
    return {
        "weight": tft.scale_to_z_score(inputs["weight"]),
        "many": tft.compute_and_apply_vocabulary(inputs["many"], vocab_filename="words"),
        "label": tf.identity(inputs["label"]),
    }
