"""Combiners of classes and of numbers, vectorized; see combiners.py for the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tensorflow_model_analysis.metrics import metric_util
from tensorflow_model_analysis.metrics import multi_class_confusion_matrix_metrics as confusion

from taxiway.arrow.evaluator.measures import Measure
from taxiway.arrow.evaluator.pairing import Pairing
from taxiway.arrow.evaluator.sums import CellSums
from taxiway.arrow.evaluator.task_measures import (
    MOST_CLASSES,
    Confusions,
    LossByClass,
    Moments,
    OctaveSums,
)
from taxiway.arrow.evaluator.vectorized import Metrics, UnknownError, Vectorized

Make = Callable[[Sequence[Any], Any], list[Vectorized]]


def _plain(key: Any) -> Pairing:
    if key.sub_key:
        raise UnknownError("it does not know parts of the answers of these")
    return Pairing(key.model_name, weighted=bool(key.example_weighted))


def _confusions(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
    (key,) = keys
    usual = metric_util.to_label_prediction_example_weight
    if combiner._extract_label_prediction_and_weight is not usual:
        raise UnknownError("it pairs labels and predictions in the usual way only")
    thresholds = tuple(combiner._thresholds)

    def output(sums: CellSums) -> Metrics:
        matrices = confusion.Matrices({threshold: {} for threshold in thresholds})
        for cell, (weight,) in zip(sums.cells.tolist(), sums.values.tolist(), strict=True):
            place, predicted = divmod(cell, MOST_CLASSES)
            at, actual = divmod(place, MOST_CLASSES)
            entry = confusion.MatrixEntryKey(actual - 1, predicted - 1)
            matrices[thresholds[at]][entry] = weight
        return {key: matrices}

    return [Vectorized(Confusions(_plain(key), thresholds), output)]


def _pearson(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
    (key,) = keys
    if combiner._aggregation_type is not None or combiner._class_weights:
        raise UnknownError("it does not know averages of a correlation")

    def output(sums: CellSums) -> Metrics:
        w, y, p, yy, pp, yp, _ = sums.values.sum(axis=0).tolist()
        made = combiner.create_accumulator()
        made.total_weighted_examples = w
        made.total_weighted_labels, made.total_weighted_predictions = y, p
        made.total_weighted_squared_labels, made.total_weighted_squared_predictions = yy, pp
        made.total_weighted_labels_times_predictions = yp
        return dict(combiner.extract_output(made))

    return [Vectorized(Moments(_plain(key)), output)]


def _squared_errors(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
    (key,) = keys

    def output(sums: CellSums) -> Metrics:
        return {key: combiner.result({0: sums.values.sum(axis=0)[[0, 1, 3, 6]]})}

    return [Vectorized(Moments(_plain(key)), output)]


def _by_cell(measure: Callable[[Any, Any], Measure]) -> Make:
    """Of our own combiners, which make their result of sums by cell."""

    def make(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
        (key,) = keys

        def output(sums: CellSums) -> Metrics:
            return {key: combiner.result(dict(zip(sums.cells.tolist(), sums.values, strict=True)))}

        return [Vectorized(measure(_plain(key), combiner), output)]

    return make


TASK_COMBINERS: Final[Mapping[str, Make]] = {
    "ClassLosses": _by_cell(lambda pairing, _: LossByClass(pairing)),
    "OctaveBuckets": _by_cell(lambda pairing, combiner: OctaveSums(pairing, combiner.of)),
    "SquaredErrors": _squared_errors,
    "_MultiClassConfusionMatrixCombiner": _confusions,
    "_SquaredPearsonCorrelationCombiner": _pearson,
}
