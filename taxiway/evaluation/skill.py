"""Metrics and plots that TFMA has not, as classes of TFMA's, for its own engine and for ours.

`D2LogLoss` and `R2` say how much of a constant's loss a model takes away, which no metric of TFMA's
does; `OctavePlot` is TFMA's calibration plot for numbers whose range no one knows before the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from taxiway.evaluation.formulas import Array, d2_log_loss, log_loss, octave_edges, octaves, r2

Of = Literal["prediction", "residual"]
Sums = dict[int, Array]
"""Of numbers by cell: the number of a class, or of a bucket."""


class ByCell(beam.CombineFn):  # type: ignore[misc]  # Beam ships no types for it
    """Adds up some numbers of each row by cell; the arrow engine knows its kinds by their names.

    Args:
      key: of the metric, or of the plot.
      eval_config: TFMA's.
    """

    flatten: ClassVar[bool] = True
    """Whether a row's label and prediction are one number each."""

    def __init__(self, key: Any, eval_config: Any) -> None:
        self.key, self.eval_config = key, eval_config

    def terms(self, label: Array, prediction: Array) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Cells and numbers of a row of weight 1."""
        raise NotImplementedError

    def result(self, sums: Sums) -> Any:
        """The metric, or the plot."""
        raise NotImplementedError

    def create_accumulator(self) -> Sums:
        """Nothing yet."""
        return {}

    def add_input(self, accumulator: Sums, element: Any) -> Sums:
        """Adds a row."""
        paired = metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self.eval_config,
            model_name=self.key.model_name,
            output_name=self.key.output_name,
            example_weighted=self.key.example_weighted,
            flatten=self.flatten,
            require_single_example_weight=True,
        )
        for label, prediction, weight in paired:
            for cell, numbers in self.terms(label, prediction):
                added = float(np.asarray(weight).item()) * np.array(numbers)
                accumulator[cell] = accumulator[cell] + added if cell in accumulator else added
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        """Adds up several."""
        merged: Sums = {}
        for accumulator in accumulators:
            for cell, numbers in accumulator.items():
                merged[cell] = merged[cell] + numbers if cell in merged else numbers
        return merged

    def extract_output(self, accumulator: Sums) -> Mapping[Any, Any]:
        """The metric by its key."""
        return {self.key: self.result(accumulator)}


class ClassLosses(ByCell):
    """Weights and log losses by class."""

    flatten = False

    def terms(self, label: Array, prediction: Array) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Of a probability alone, both classes by how much the label is each.

        Raises:
          ValueError: the label is none of the classes.
        """
        if prediction.size == 1:
            yes, p = float(label.item()), prediction.reshape(1).astype(np.float64)
            yield 0, (1 - yes, (1 - yes) * log_loss(1 - p).item())
            yield 1, (yes, yes * log_loss(p).item())
            return
        number = int(label.item())
        if not 0 <= number < prediction.size:
            raise ValueError(f"label {number} is none of the {prediction.size} classes of a model")
        yield number, (1.0, log_loss(prediction.reshape(-1)[number : number + 1]).item())

    def result(self, sums: Sums) -> float:
        """As `d2_log_loss`."""
        table = np.array(list(sums.values())).reshape(-1, 2)
        return d2_log_loss(table[:, 0], table[:, 1])


class SquaredErrors(ByCell):
    """Weights, labels, their squares, and the squares of errors; in one cell."""

    def terms(self, label: Array, prediction: Array) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Of a number."""
        y, p = float(label.item()), float(prediction.item())
        yield 0, (1.0, y, y**2, (y - p) ** 2)

    def result(self, sums: Sums) -> float:
        """As `r2`."""
        return r2(*sums[0].tolist()) if sums else float("nan")


class OctaveBuckets(ByCell):
    """Labels, predictions and weights by `octaves` of the prediction, or of the residual."""

    def __init__(self, key: Any, eval_config: Any, of: Of) -> None:
        super().__init__(key, eval_config)
        self.of = of

    def terms(self, label: Array, prediction: Array) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Of a number."""
        y, p = float(label.item()), float(prediction.item())
        cell = octaves(np.array([p if self.of == "prediction" else y - p]))
        yield int(cell.item()), (y, p, 1.0)

    def result(self, sums: Sums) -> Any:
        """As TFMA has a calibration plot."""
        plot = metrics_for_slice_pb2.CalibrationHistogramBuckets()
        for cell in sorted(sums):
            low, high = octave_edges(cell)
            label, prediction, count = sums[cell].tolist()
            plot.buckets.add(
                lower_threshold_inclusive=low,
                upper_threshold_exclusive=high,
                total_weighted_label={"value": label},
                total_weighted_refined_prediction={"value": prediction},
                num_weighted_examples={"value": count},
            )
        return plot


def _computed(
    combiner: Callable[..., ByCell], kind: Any = metric_types.MetricKey
) -> Callable[..., Any]:
    """TFMA's function from a metric's options to its computations."""

    def computations(
        name: str,
        eval_config: Any = None,
        model_name: str = "",
        output_name: str = "",
        example_weighted: bool = False,
        **options: Any,
    ) -> list[Any]:
        key = kind(
            name=name,
            model_name=model_name,
            output_name=output_name,
            example_weighted=example_weighted,
        )
        made = combiner(key, eval_config, **options)
        return [metric_types.MetricComputation([key], None, made)]

    return metric_util.merge_per_key_computations(computations)  # type: ignore[no-any-return]


class D2LogLoss(metric_types.Metric):  # type: ignore[misc]  # TFMA ships no types
    """See `formulas.d2_log_loss`; of two classes or several."""

    def __init__(self, name: str = "d2_log_loss") -> None:
        super().__init__(_computed(ClassLosses), name=name)


class R2(metric_types.Metric):  # type: ignore[misc]
    """See `formulas.r2`."""

    def __init__(self, name: str = "r2") -> None:
        super().__init__(_computed(SquaredErrors), name=name)


class OctavePlot(metric_types.Metric):  # type: ignore[misc]
    """A calibration plot by `octaves` of the prediction, or of the residual."""

    def __init__(self, name: str = "octave_plot", of: Of = "prediction") -> None:
        super().__init__(_computed(OctaveBuckets, metric_types.PlotKey), name=name, of=of)
