"""What stands in for one of TFMA's combiners: sums, and its output made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tensorflow_model_analysis.metrics import calibration_histogram

from taxiway.arrow.evaluator.measures import Measure
from taxiway.arrow.evaluator.sums import CellSums

Metrics = dict[Any, Any]
"""TFMA's MetricsDict: values by MetricKey."""


class UnknownError(Exception):
    """A computation that is not vectorized; says why."""


@dataclass(frozen=True)
class Vectorized:
    """What stands in for one of TFMA's combiners."""

    measure: Measure
    output: Callable[[CellSums], Metrics]
    """What the combiner's `extract_output` would give for a slice."""


class Buckets(Sequence[Any]):
    """A histogram as TFMA's list of buckets, each made when someone looks at it."""

    def __init__(self, sums: CellSums) -> None:
        self.sums = sums

    def __len__(self) -> int:
        return len(self.sums.cells)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        labels, predictions, examples = self.sums.values[index].tolist()
        return calibration_histogram.Bucket(
            int(self.sums.cells[index]), labels, predictions, examples
        )

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))
