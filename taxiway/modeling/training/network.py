"""The generic Keras network: embeddings and dense layers over whatever the FeatureSpec names."""

from __future__ import annotations

from typing import Any

import keras

from taxiway.config.model import Hyperparameters
from taxiway.modeling.spec import FeatureSpec


def build_network(
    spec: FeatureSpec,
    hyperparameters: Hyperparameters,
    initial_logit: float | tuple[float, ...] = 0.0,
) -> Any:
    """A functional Keras model from a dict of transformed columns to logits, float32 [N, K].

    Args:
      spec: roles of the columns; decides the inputs.
      hyperparameters: sizes and dropout.
      initial_logit: bias of the last layer before training, so that the first epoch does not
        spend itself on learning the base rate: a number where there is one logit, or one for each
        of K classes.
    """
    inputs: dict[str, Any] = {}
    parts: list[Any] = []

    for column in spec.columns:
        for output in column.outputs():
            size, name = hyperparameters.embedding_size, f"{output.name}_embedding"
            if output.embedded:
                part = value = keras.Input((1,), name=output.name, dtype="int64")
                part = keras.layers.Embedding(output.width, size, name=name)(part)
                part = keras.layers.Flatten()(part)
            else:
                part = value = keras.Input((output.width,), name=output.name)
            if output.pooled:  # weights that sum to 1: a mean of embeddings
                part = keras.layers.Dense(size, use_bias=False, name=name)(part)
            inputs[output.name] = value
            parts.append(part)

    hidden = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    for size in hyperparameters.hidden_units:
        hidden = keras.layers.Dense(
            size, activation="relu", kernel_regularizer=keras.regularizers.L2(hyperparameters.l2)
        )(hidden)
        hidden = keras.layers.Dropout(hyperparameters.dropout)(hidden)
    logits = len(initial_logit) if isinstance(initial_logit, tuple) else 1
    logit = keras.layers.Dense(
        logits, bias_initializer=keras.initializers.Constant(initial_logit), name="logit"
    )(hidden)
    return keras.Model(inputs=inputs, outputs=logit, name="taxiway")
