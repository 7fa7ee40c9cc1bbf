"""What a served model answers, and how good that is, for each task."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from taxiway.modeling.names import (
    CLASS,
    LABELS,
    PROBABILITIES,
    PROBABILITY,
    SERVING,
    TRANSFORM,
    VALUE,
)

Array = npt.NDArray[Any]
Answers = Mapping[str, Array]

STANDARD_ERRORS: Final = 3.0
"""How far from nothing a figure has to be for a sample's chance not to explain it."""


class Served:
    """An exported SavedModel, asked through each of its signatures."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        from taxiway.modeling.exported.loaded_model import LoadedModel

        self._model = tf.saved_model.load(str(folder))
        self._loaded = LoadedModel(folder, SERVING)

    def by_examples(self, examples: Sequence[bytes]) -> Answers:
        """As a batch, and TensorFlow Serving's clients, ask."""
        return self._ask(SERVING, examples)

    def by_columns(self, columns: Mapping[str, list[Any]]) -> Answers:
        """As a request in JSON asks."""
        return self._loaded.predict_columns(columns)

    def transformed(self, examples: Sequence[bytes]) -> Answers:
        """What the network sees of each row, and the label where there is one."""
        return self._ask(TRANSFORM, examples)

    def labels(self, examples: Sequence[bytes]) -> Array:
        """The labels as the model has them: the number of a class, or a number; [N]."""
        (found,) = self._ask(LABELS, examples).values()
        return found

    @functools.cached_property
    def weights(self) -> list[Array]:
        """All of the network's."""
        return [one.numpy() for one in self._model.signatures[SERVING].variables]

    def _ask(self, signature: str, examples: Sequence[bytes]) -> Answers:
        import tensorflow as tf

        function = self._model.signatures[signature]
        (name,) = function.structured_input_signature[1]
        found = function(**{name: tf.constant(list(examples), tf.string)})
        return {name: np.asarray(tensor.numpy()) for name, tensor in found.items()}


@dataclass(frozen=True)
class Quality:
    """One figure of how good answers are; more is better."""

    metric: str
    figure: float
    of_nothing: float
    """The figure of who knows nothing of the row."""
    error: float
    """Standard error of the figure of who knows nothing, on as many rows."""

    @property
    def beats_nothing(self) -> bool:
        """By more than chance explains."""
        return self.figure - STANDARD_ERRORS * self.error > self.of_nothing

    @property
    def is_worse_than_nothing(self) -> bool:
        """By more than chance explains."""
        return self.figure + STANDARD_ERRORS * self.error < self.of_nothing

    def __str__(self) -> str:
        return (
            f"{self.metric} {self.figure:.4f}, that of knowing nothing {self.of_nothing:.4f} "
            f"(standard error {self.error:.4f})"
        )


def _auc(answers: Answers, labels: Array, _: Array) -> Quality | None:
    """The standard error is that of the rank sum where ranks are random (Mann and Whitney 1947)."""
    yes, no = int((labels == 1).sum()), int((labels == 0).sum())
    if not yes or not no:
        return None
    scores = answers[PROBABILITY].astype(np.float64)
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place.reshape(-1)]
    figure = (ranks[labels == 1].sum() - yes * (yes + 1) / 2) / (yes * no)
    error = ((yes + no + 1) / (12 * yes * no)) ** 0.5
    return Quality("auc", float(figure), 0.5, error)


def _accuracy(answers: Answers, labels: Array, every: Array) -> Quality:
    """Who knows nothing names the most frequent class of all rows."""
    right = answers[PROBABILITIES].argmax(axis=1) == labels
    share = float((labels == np.bincount(every).argmax()).mean())
    error = (share * (1 - share) / len(labels)) ** 0.5
    return Quality("accuracy", float(right.mean()), share, error)


def _explained(answers: Answers, labels: Array, every: Array) -> Quality | None:
    """R squared, where who knows nothing names the mean of all rows."""
    spread = ((labels - every.mean()) ** 2).sum()
    if not spread:
        return None
    left = ((labels - answers[VALUE]) ** 2).sum()
    return Quality("r_squared", float(1 - left / spread), 0.0, (2 / len(labels)) ** 0.5)


@dataclass(frozen=True)
class Task:
    """What models of a task answer: their outputs with the shape of each row's, and the figure."""

    outputs: tuple[str, ...]
    quality: Callable[[Answers, Array, Array], Quality | None]


TASKS: Final[Mapping[str, Task]] = {
    PROBABILITY: Task((PROBABILITY,), _auc),
    PROBABILITIES: Task((PROBABILITIES, CLASS), _accuracy),
    VALUE: Task((VALUE,), _explained),
}
"""By the output that says which task it is."""


def task_of(answers: Answers) -> Task:
    """The task whose answers these are."""
    found = [task for output, task in TASKS.items() if output in answers]
    assert len(found) == 1, f"the model answers {sorted(answers)}, expected one of {list(TASKS)}"
    return found[0]


def quality(answers: Answers, labels: Array, every: Array | None = None) -> Quality | None:
    """How good answers are; None where rows are all of one kind, so that nothing can be told.

    Args:
      answers: of N rows.
      labels: as `Served.labels` has them, [N]; rows without one are left out.
      every: those of all rows, where these are of a slice.
    """
    known = _known(labels)
    if not known.any():
        return None
    kept = {name: values[known] for name, values in answers.items()}
    of_all = labels if every is None else every
    return task_of(answers).quality(kept, labels[known], of_all[_known(of_all)])


def _known(labels: Array) -> Array:
    return np.isfinite(labels) if labels.dtype.kind == "f" else labels >= 0
