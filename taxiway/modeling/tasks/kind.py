"""What one kind of task has that another does not: its labels, its head, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Array = npt.NDArray[Any]
Vocabulary = Callable[[str], Sequence[bytes]]
"""Gives a vocabulary of Transform's by its name."""
NO_LABEL = -1
"""The number of a label that is missing, or is none of the classes."""


@dataclass(frozen=True)
class LabelStatistics:
    """Of the rows to learn from."""

    rows: tuple[int, ...]
    """Of each class; where the label is a number, of all."""
    weights: tuple[float, ...]
    """Of these rows together: their number, where all count alike."""
    mean: float = 0.0
    """Of labels that are numbers."""
    deviation: float = 0.0
    """Likewise."""


class Head(Protocol):
    """What stands on a network's logits [N, K] (or [N, 1]), once the data is known."""

    signature: ClassVar[str]
    """The signature that TensorFlow Serving's own client asks for such a task."""
    method: ClassVar[str]
    """Its method name."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of their numbers; without any for a number."""

    @property
    def initial_logit(self) -> float | tuple[float, ...]:
        """Bias of the last layer before training, one for each logit."""

    def loss(self) -> Any:
        """A Keras loss from `targets` and logits."""

    def metric(self) -> Any:
        """A Keras metric that is shown while training."""

    def targets(self, labels: Array) -> Array:
        """Labels [N] as the loss takes them."""

    def class_weights(self, labels: Array) -> Array:
        """float32 [N]: how much each row counts for its class."""

    def predicted(self, logits: Array) -> Array:
        """The number of the class [N] that training takes a row for; for a number its value."""

    def answers(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the served model says of each row."""

    def served(self, answers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The same as TensorFlow Serving's `signature` has it."""


@dataclass(frozen=True)
class Kind:
    """One line of the table of tasks; each function takes the task itself first."""

    transformed: Callable[[Any, Any], tf.Tensor]
    """A raw label column (dense or sparse) as Transform puts it out, [N]."""
    classes: Callable[[Any, Vocabulary], tuple[str, ...]]
    """Names of the classes, where the task has not all of them from what Transform found."""
    numbered: Callable[[Any, Sequence[str], tf.Tensor], tf.Tensor]
    """A transformed label as what is learned: int64 from 0, or float32; NO_LABEL or NaN for none
    that can be."""
    head: Callable[[tuple[str, ...], LabelStatistics, Any], Head]
    """From classes, statistics and hyperparameters."""
    expected: str
    """What a label must be, for messages; `{classes}` stands for them."""


def is_refused(labels: Array) -> Array:
    """A mask of the labels that are none; see `Kind.numbered`."""
    refused: Array = ~np.isfinite(labels) if labels.dtype.kind == "f" else labels < 0
    return refused
