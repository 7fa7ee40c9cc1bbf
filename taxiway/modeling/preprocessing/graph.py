"""The preprocessing_fn itself: the label, and one function for each role of a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import tensorflow as tf

from taxiway.modeling.preprocessing import categories, numbers, quantiles, texts, times
from taxiway.modeling.preprocessing.raw import Inputs, Outputs, number
from taxiway.modeling.spec import (
    Bucketized,
    Categorical,
    Column,
    Crossed,
    FeatureSpec,
    Multivalent,
    Numeric,
    Quantiles,
    Text,
    Timestamp,
    load_spec,
)
from taxiway.modeling.tasks import kind_of


@dataclass(frozen=True)
class Learned:
    """What analyzers found in the train split, each for all columns at once."""

    moments: Mapping[Column, numbers.Moments]
    quantiles: Mapping[Column, tf.Tensor]
    counts: Mapping[Column, tf.Tensor]
    rarity: Mapping[Column, tf.Tensor]


GRAPHS: Final[Mapping[type, Callable[[Any, Inputs, Learned], Outputs]]] = {
    Numeric: numbers.scale,
    Bucketized: numbers.cut,
    Quantiles: numbers.cut_evenly,
    Categorical: categories.look_up,
    Multivalent: categories.look_up_many,
    Crossed: categories.cross,
    Timestamp: times.take_apart,
    Text: texts.weigh,
}
"""From raw columns to what a role makes of them: its `outputs()`, by name."""


def preprocessing_fn(
    inputs: Mapping[str, Any], custom_config: Mapping[str, Any]
) -> dict[str, tf.Tensor]:
    """Transform's entry point; `custom_config["module"]` names the model's folder."""
    return transform(load_spec(custom_config["module"]), inputs)


def transform(spec: FeatureSpec, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Turns raw columns into what the network reads; N is the number of rows.

    Returns:
      For each `Output` of a column float32 [N, width], or [N] where that is 1, or int64 [N] for
      one that is to be embedded; for the label what its task makes of it, [N] (see
      taxiway/modeling/tasks); for the weight float32 [N], NaN where a row has none.
    """
    label = kind_of(spec.task).transformed(spec.task, inputs[spec.label])
    outputs: dict[str, tf.Tensor] = {spec.label: label}
    if spec.weight:
        outputs[spec.weight] = number(inputs[spec.weight])
    learned = _learn(spec.columns, inputs)
    for role in spec.columns:
        outputs |= GRAPHS[type(role)](role, inputs, learned)
    return outputs


def _learn(columns: Sequence[Column], inputs: Inputs) -> Learned:
    scaled: dict[Column, tf.Tensor] = {}
    ranked: dict[Column, tf.Tensor] = {}
    counted: dict[Column, tf.Tensor] = {}
    for role in columns:
        if isinstance(role, Numeric):
            scaled[role] = numbers.exact_number(role, inputs)
        if isinstance(role, Timestamp) and role.age_at:
            scaled[role] = times.age(role, inputs)
        if isinstance(role, Numeric | Quantiles) and role.fractions:
            ranked[role] = number(inputs[role.name])
        if isinstance(role, Text):
            counted[role] = texts.count_terms(role, inputs)
    moments = numbers.learn_moments(list(scaled.values()))
    wanted = [role.fractions for role in ranked if isinstance(role, Numeric | Quantiles)]
    found = quantiles.learn_quantiles(list(ranked.values()), wanted)
    rarity = texts.learn_rarity(list(counted.values()))
    return Learned(
        dict(zip(scaled, moments, strict=True)),
        dict(zip(ranked, found, strict=True)),
        counted,
        dict(zip(counted, rarity, strict=True)),
    )
