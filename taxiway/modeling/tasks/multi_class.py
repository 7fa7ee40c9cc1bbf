"""One of several classes: a logit for each, and their probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from taxiway.errors import DataError
from taxiway.modeling.names import CLASS, CLASSIFY, PROBABILITIES
from taxiway.modeling.spec import MultiClass
from taxiway.modeling.spec.column_names import stem
from taxiway.modeling.tasks.kind import NO_LABEL, Array, Kind, LabelStatistics, Vocabulary
from taxiway.modeling.tasks.raw_column import dense_column

MOST_CLASSES: Final = 1000
"""More are hardly classes, and each label is compared with all of them."""


@dataclass(frozen=True)
class MultiClassHead:
    """A softmax.

    A row weighs as its class does, which multiplies the share that the network learns of the class;
    subtracting the logarithm from its logit gives the true shares back, as for two classes.
    """

    classes: tuple[str, ...]
    shares: tuple[float, ...]
    """Of each class among the rows to learn from."""
    weights: tuple[float, ...]
    """Of a row of each class."""

    signature: ClassVar[str] = CLASSIFY
    method: ClassVar[str] = tf.saved_model.CLASSIFY_METHOD_NAME

    @property
    def initial_logit(self) -> tuple[float, ...]:
        """The logarithm of each class's weighted share."""
        weighted = [one * weight for one, weight in zip(self.shares, self.weights, strict=True)]
        return tuple(math.log(one / sum(weighted)) for one in weighted)

    @property
    def logit_shift(self) -> tuple[float, ...]:
        """Added to the logits; undoes the weights."""
        return tuple(-math.log(weight) for weight in self.weights)

    def loss(self) -> Any:
        """Cross entropy."""
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metric(self) -> Any:
        """Accuracy."""
        return keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    def targets(self, labels: Array) -> Array:
        """Numbers of classes."""
        return labels.astype(np.int64)

    def class_weights(self, labels: Array) -> Array:
        """The weight of each row's class."""
        return np.array(self.weights, np.float32)[labels]

    def predicted(self, logits: Array) -> Array:
        """The class with the largest weighted share."""
        likeliest: Array = np.argmax(logits, axis=1)
        return likeliest

    def answers(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Probabilities float32 [N, K], and the likeliest class by name, string [N]."""
        shift = tf.constant([self.logit_shift], tf.float32)
        probabilities = tf.nn.softmax(tf.ensure_shape(logits + shift, [None, len(self.classes)]))
        names = tf.constant(self.classes)
        return {
            PROBABILITIES: probabilities,
            CLASS: tf.gather(names, tf.argmax(probabilities, axis=1)),
        }

    def served(self, answers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """All classes and their probabilities, [N, K] each."""
        scores = answers[PROBABILITIES]
        names = tf.constant([self.classes])
        return {"classes": tf.tile(names, [tf.shape(scores)[0], 1]), "scores": scores}


def _transformed(task: MultiClass, raw: Any) -> tf.Tensor:
    """The class by name, string [N], "" for none; notes which there are, where none were given."""
    text = tf.identity if raw.dtype == tf.string else tf.strings.as_string
    label = dense_column(raw, "", text)
    if not task.classes:
        known = tf.boolean_mask(label, tf.not_equal(label, ""))
        tft.vocabulary(known, top_k=MOST_CLASSES + 1, vocab_filename=vocabulary_name(task))
    return label


def vocabulary_name(task: MultiClass) -> str:
    """The vocabulary that Transform makes of the classes."""
    return f"{stem(task.label)}_classes"


def _classes(task: MultiClass, vocabulary: Vocabulary) -> tuple[str, ...]:
    if task.classes:
        return tuple(map(str, task.classes))
    names = [name.decode(errors="replace") for name in vocabulary(vocabulary_name(task))]
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"label '{task.label}' has more than {MOST_CLASSES:,} classes in the train split, such "
            f"as {', '.join(names[:3])}",
            edit=f"task in the model's features.py: its classes, or Regression('{task.label}')",
        )
    return tuple(sorted(names, key=_in_order))


def _in_order(name: str) -> tuple[bool, int, str]:
    """Whole numbers by size, before names in the order of their letters."""
    digits = name.removeprefix("-")
    is_whole = digits.isascii() and digits.isdigit()
    return not is_whole, int(name) if is_whole else 0, name


def _numbered(_: MultiClass, classes: Sequence[str], labels: tf.Tensor) -> tf.Tensor:
    same = tf.equal(labels[:, tf.newaxis], tf.constant([list(classes)]))
    number = tf.argmax(same, axis=1)  # of the one that is true
    return tf.where(tf.reduce_any(same, axis=1), number, tf.constant(NO_LABEL, tf.int64))


def _head(
    classes: tuple[str, ...], labels: LabelStatistics, hyperparameters: Any
) -> MultiClassHead:
    totals, most = labels.weights, max(labels.weights)
    balanced = hyperparameters.class_weights == "balanced"
    return MultiClassHead(
        classes,
        shares=tuple(one / sum(totals) for one in totals),
        weights=tuple(most / one if balanced else 1.0 for one in totals),
    )


KIND = Kind(_transformed, _classes, _numbered, _head, expected="one of {classes}")
