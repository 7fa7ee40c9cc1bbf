"""Labels as a model has them, from those that Transform puts out; what is none is told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import tensorflow as tf

from taxiway.errors import DataError
from taxiway.modeling.spec import Task
from taxiway.modeling.tasks.kind import Array, Kind, LabelStatistics, is_refused

_SHOWN: Final = 5
_SHOWN_CLASSES: Final = 10


@dataclass(frozen=True)
class Labels:
    """The labels of a task whose classes are known."""

    task: Task
    kind: Kind
    classes: tuple[str, ...]
    """None where the label is a number."""

    @property
    def column(self) -> str:
        """The label's name, before and after Transform."""
        return self.task.label

    @property
    def weight(self) -> str:
        """The column of weights, likewise; empty where there is none."""
        return self.task.weight

    @property
    def expected(self) -> str:
        """What a label must be."""
        shown = ", ".join(self.classes[:_SHOWN_CLASSES])
        more = len(self.classes) - _SHOWN_CLASSES
        return self.kind.expected.format(classes=f"{shown} and {more} more" if more > 0 else shown)

    def numbered(self, transformed: tf.Tensor) -> tf.Tensor:
        """int64 [N] from 0 or float32 [N]; see `Kind.numbered`."""
        return self.kind.numbered(self.task, self.classes, transformed)

    def checked(self, transformed: tf.Tensor) -> tf.Tensor:
        """`numbered` in a graph, where a label that is none ends in an error."""
        number = self.numbered(transformed)
        good = tf.math.is_finite(number) if number.dtype.is_floating else number >= 0
        others = tf.boolean_mask(transformed, tf.logical_not(good))
        told = [f"label {self.column}: expected {self.expected}, got", others]
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(good), told, summarize=3)]):
            return tf.identity(number)

    def check(self, transformed: Array, numbers: Array) -> None:
        """Refuses labels that are none.

        Raises:
          DataError: with the first few.
        """
        others = np.unique(transformed[is_refused(numbers)]).tolist()
        if others:
            shown = ", ".join(map(_shown, others[:_SHOWN]))
            more = f", and {len(others) - _SHOWN:,} other values" if len(others) > _SHOWN else ""
            raise DataError(
                f"label '{self.column}' must be {self.expected}, found {shown}{more}",
                edit=f"the data of column '{self.column}', or task in the model's features.py",
            )

    def check_present(self, found: Collection[int]) -> None:
        """Refuses a train split that lacks a class.

        Args:
          found: numbers of classes that have rows; where the label is a number, 0.

        Raises:
          DataError: with the name of the first.
        """
        for number, name in enumerate(self.classes):
            if number not in found:
                raise DataError(
                    f"the train split has no row with label {name}",
                    edit="data.spans, or task in the model's features.py",
                )
        if not found:
            raise DataError("the train split has no rows", edit="data.spans")
        if len(self.classes) == 1:
            raise DataError(
                f"label '{self.column}' has one class only in the train split: {self.classes[0]}",
                edit="data.spans, or task in the model's features.py",
            )

    def check_learned(self, statistics: LabelStatistics) -> None:
        """Refuses rows that there is nothing to learn from.

        Raises:
          DataError: all weights of a class are 0, or all numbers are the same.
        """
        for name, weight in zip(self.classes or ("any value",), statistics.weights, strict=True):
            if not weight > 0:
                raise DataError(
                    f"weight '{self.weight}' is 0 in all rows of label {name}",
                    edit=f"the data of column '{self.weight}', or weight in the model's "
                    "features.py",
                )
        if not self.classes and not statistics.deviation > 0:
            raise DataError(
                f"label '{self.column}' is {statistics.mean:g} in all rows of the train split",
                edit="data.spans, or task in the model's features.py",
            )

    def check_weights(self, weights: Array) -> None:
        """Refuses weights that are none.

        Raises:
          DataError: with the first few.
        """
        others = np.unique(weights[~(np.isfinite(weights) & (weights >= 0))]).tolist()
        if others:
            raise DataError(
                f"weight '{self.weight}' must be a finite number from 0 on, found "
                f"{', '.join(map(_shown, others[:_SHOWN]))}",
                edit=f"the data of column '{self.weight}', or weight in the model's features.py",
            )


def _shown(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text[:80] if text not in ("", "nan") else "no value"
