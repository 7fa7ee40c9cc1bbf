"""The tasks that a model can have: a new one is a class of the spec, a file here, and a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from taxiway.modeling.spec import Binary, MultiClass, Regression, Task
from taxiway.modeling.tasks import binary, multi_class, regression
from taxiway.modeling.tasks.kind import Head, Kind, LabelStatistics
from taxiway.modeling.tasks.labels import Labels

__all__ = ["KINDS", "Head", "Kind", "LabelStatistics", "Labels", "kind_of", "labels_of"]

KINDS: Final[Mapping[type, Kind]] = {
    Binary: binary.KIND,
    MultiClass: multi_class.KIND,
    Regression: regression.KIND,
}


def kind_of(task: Task) -> Kind:
    """What this kind of task is made of."""
    return KINDS[type(task)]


def labels_of(task: Task, vocabulary: Callable[[str], Sequence[bytes]]) -> Labels:
    """The labels of a task, with the names of their classes.

    Args:
      task: of the model's spec.
      vocabulary: gives a vocabulary of Transform's by its name; asked where the task names no
        classes itself.

    Raises:
      DataError: there are more classes than a model can have.
    """
    kind = kind_of(task)
    return Labels(task, kind, kind.classes(task, vocabulary))
