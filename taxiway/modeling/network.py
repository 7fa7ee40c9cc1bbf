"""The generic Keras network: embeddings and dense layers over whatever the FeatureSpec names."""

from __future__ import annotations

from typing import Any

import keras

from taxiway.config.model import Hyperparameters
from taxiway.modeling.column_names import stem
from taxiway.modeling.preprocessing import category_width
from taxiway.modeling.spec import FeatureSpec, indicator_name, transformed_name


def build_network(
    spec: FeatureSpec, hyperparameters: Hyperparameters, initial_logit: float = 0.0
) -> Any:
    """A functional Keras model from a dict of transformed columns to a logit, float32 [N, 1].

    Args:
      spec: roles of the columns; decides the inputs.
      hyperparameters: sizes and dropout.
      initial_logit: bias of the last layer before training, so that the first epoch does not
        spend itself on learning the base rate.
    """
    inputs: dict[str, Any] = {}
    parts: list[Any] = []

    def add_input(name: str, width: int) -> None:
        inputs[name] = keras.Input(shape=(width,), name=name, dtype="float32")
        parts.append(inputs[name])

    for numeric in spec.numeric:
        add_input(transformed_name(numeric), 1)
        if numeric.indicator:
            add_input(indicator_name(numeric), 1)
    for bucketized in spec.bucketized:
        add_input(transformed_name(bucketized), bucketized.width)
    for categorical in spec.categorical:
        name = transformed_name(categorical)
        width = category_width(categorical)
        if categorical.encoding == "one_hot":
            add_input(name, width)
            continue
        inputs[name] = keras.Input(shape=(1,), name=name, dtype="int64")
        embedded = keras.layers.Embedding(
            width, hyperparameters.embedding_size, name=f"{stem(categorical.name)}_embedding"
        )(inputs[name])
        parts.append(keras.layers.Flatten()(embedded))

    hidden = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    for size in hyperparameters.hidden_units:
        hidden = keras.layers.Dense(
            size, activation="relu", kernel_regularizer=keras.regularizers.L2(hyperparameters.l2)
        )(hidden)
        hidden = keras.layers.Dropout(hyperparameters.dropout)(hidden)
    logit = keras.layers.Dense(
        1, bias_initializer=keras.initializers.Constant(initial_logit), name="logit"
    )(hidden)
    return keras.Model(inputs=inputs, outputs=logit, name="taxiway")
