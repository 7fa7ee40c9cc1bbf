"""TFMA's combiners, vectorized: for each, the sums it needs, and its output made from those sums.

TFMA computes in two steps: combiners go over rows one by one, and everything else (precision from a
confusion matrix, the area under a curve, averages over classes, the keys of all of them) is derived
from what combiners give, slice by slice. Only the first step is done anew here; the second stays
TFMA's own. So a combiner of TFMA's is replaced by a `Vectorized`: a Measure, which sums whole
batches by slice and cell and whose sums add up over shards, and a function that turns the sums of
one slice into exactly what the combiner's `extract_output` would give. VECTORIZED names them by the
combiner's class; one that is not there is refused by name, and `engine: beam` computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import numpy as np
from tensorflow_model_analysis.contrib.aggregates.binary_confusion_matrices import Matrix
from tensorflow_model_analysis.metrics import metric_types, metric_util

from taxiway.arrow.evaluator.measures import Count, Crossed, Histogram, Mean, Totals
from taxiway.arrow.evaluator.pairing import Pairing
from taxiway.arrow.evaluator.sums import CellSums
from taxiway.arrow.evaluator.task_combiners import TASK_COMBINERS
from taxiway.arrow.evaluator.vectorized import Buckets, Metrics, UnknownError, Vectorized


class _Entry(NamedTuple):
    """A matrix without examples of it, as TFMA's accumulator holds it."""

    matrix: Matrix
    tp_examples: tuple[()] = ()
    tn_examples: tuple[()] = ()
    fp_examples: tuple[()] = ()
    fn_examples: tuple[()] = ()


def vectorized(computation: Any) -> list[Vectorized]:
    """What stands in for one of TFMA's MetricComputations.

    Raises:
      UnknownError: it has none.
    """
    combiner = computation.combiner
    name = type(combiner).__name__
    if name not in VECTORIZED:
        raise UnknownError(f"it does not know {name}")
    if any(key.output_name for key in computation.keys):
        raise UnknownError("it does not know models of several outputs")
    if computation.preprocessors and name != "_ExampleCountCombiner":
        raise UnknownError("it does not know preprocessors")
    return VECTORIZED[name](computation.keys, combiner)


def _pairing(key: Any, combiner: Any) -> Pairing:
    weights = combiner._class_weights
    sub_key = key.sub_key
    return Pairing(
        model=key.model_name,
        weighted=bool(combiner._example_weighted),
        class_id=sub_key.class_id if sub_key else None,
        k=sub_key.k if sub_key else None,
        top_k=sub_key.top_k if sub_key else None,
        aggregated=combiner._aggregation_type is not None,
        class_weights=tuple(sorted(weights.items())) if weights else None,
    )


def _histogram(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
    (key,) = keys
    measure = Histogram(
        _pairing(key, combiner),
        buckets=combiner._num_buckets,
        left=combiner._left,
        right=combiner._left + combiner._range,
        fractional=combiner._fractional_labels,
        by_prediction=combiner._prediction_based_bucketing,
    )
    return [Vectorized(measure, lambda sums: {key: Buckets(sums)})]


def _crossed(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
    (key,) = keys
    if combiner._example_id_key or not combiner._enable_fractional_labels:
        raise UnknownError("it keeps no samples of rows, and compares no labels to thresholds")
    usual = metric_util.to_label_prediction_example_weight
    if combiner._extract_label_prediction_and_weight is not usual:
        raise UnknownError("it pairs labels and predictions in the usual way only")
    wanted = combiner._binary_confusion_matrices._thresholds
    rising = tuple(sorted({float(threshold) for threshold in wanted}))
    places = {threshold: rising.index(float(threshold)) for threshold in wanted}

    def output(sums: CellSums) -> Metrics:
        counts = np.zeros((len(rising) + 1, 2))
        counts[sums.cells] = sums.values
        below = np.cumsum(counts, axis=0)
        positives, negatives = below[-1]
        matrices = {}
        for threshold, place in places.items():
            fn, tn = below[place]
            matrix = Matrix(tp=positives - fn, tn=tn, fp=negatives - tn, fn=fn)
            matrices[threshold] = _Entry(matrix)
        return {key: matrices}

    return [Vectorized(Crossed(_pairing(key, combiner), rising), output)]


def _totals(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
    (key,) = keys
    if key.sub_key and key.sub_key.top_k is not None:
        raise UnknownError("it does not know means of the top k")

    def output(sums: CellSums) -> Metrics:
        labels, predictions, examples = sums.values.sum(axis=0).tolist()
        return {
            key: SimpleNamespace(
                total_weighted_labels=labels,
                total_weighted_predictions=predictions,
                total_weighted_examples=examples,
            )
        }

    return [Vectorized(Totals(_pairing(key, combiner)), output)]


def _count(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
    measure = Count(Pairing(combiner._model_name, weighted=bool(combiner._example_weighted)))

    def output(sums: CellSums) -> Metrics:
        total = float(sums.values.sum())
        return dict.fromkeys(keys, total)

    return [Vectorized(measure, output)]


def rows_of(key: Any) -> Any:
    """A private key: over how many rows a mean was taken."""
    return key._replace(name=f"_rows_of_{key.name}")


def _mean(key: Any, measure: Mean, empty: float = np.nan, root: bool = False) -> Vectorized:
    def output(sums: CellSums) -> Metrics:
        total, weight = sums.values.sum(axis=0).tolist()
        value = total / weight if weight else empty
        return {key: value**0.5 if root else value, rows_of(key): weight}

    return Vectorized(measure, output)


def _error(of: str) -> Callable[[Sequence[Any], Any], list[Vectorized]]:
    def make(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
        (key,) = keys
        return [_mean(key, Mean(_pairing(key, combiner), of, skip_nan=True))]

    return make


def _entropy(of: str) -> Callable[[Sequence[Any], Any], list[Vectorized]]:
    def make(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
        (key,) = keys
        name = f"{of}_of_logits" if combiner._from_logits else of
        smoothing = combiner._label_smoothing
        return [_mean(key, Mean(_pairing(key, combiner), name, smoothing=smoothing))]

    return make


def _keras(keys: Sequence[Any], combiner: Any) -> list[Vectorized]:
    """Metrics that TFMA leaves to Keras; their mean over no weight is 0."""
    if any(combiner._loss_configs) or any(key.sub_key for key in keys):
        raise UnknownError("it does not know losses, or classes, of Keras")
    if combiner._aggregation_type is not None:
        raise UnknownError("it does not know averages of Keras' metrics")
    pairing = Pairing(combiner._model_name, weighted=bool(combiner._example_weighted))
    found = []
    for config in combiner._metric_configs[0]:
        kind, options = config["class_name"], config["config"]
        if kind not in KERAS:
            raise UnknownError(f"it does not know Keras' {kind}")
        if any(options.get(name) not in (None, False, 0, -1) for name in KERAS_OPTIONS):
            raise UnknownError(f"it does not know {', '.join(KERAS_OPTIONS)} of Keras' {kind}")
        key = metric_types.MetricKey(
            name=options["name"],
            model_name=combiner._model_name,
            example_weighted=combiner._example_weighted,
        )
        root = kind == "RootMeanSquaredError"
        found.append(_mean(key, Mean(pairing, KERAS[kind]), empty=0.0, root=root))
    return found


KERAS: Final[Mapping[str, str]] = {
    "CategoricalAccuracy": "categorical_hit",
    "CategoricalCrossentropy": "keras_categorical_entropy",
    "RootMeanSquaredError": "squared_error",
    "SparseCategoricalAccuracy": "sparse_hit",
    "SparseCategoricalCrossentropy": "keras_sparse_entropy",
}
KERAS_OPTIONS: Final = ("from_logits", "label_smoothing", "axis", "ignore_class")

VECTORIZED: Final[Mapping[str, Callable[[Sequence[Any], Any], list[Vectorized]]]] = {
    "_BinaryConfusionMatrixCombiner": _crossed,
    "_BinaryCrossEntropyCombiner": _entropy("binary_entropy"),
    "_CalibrationHistogramCombiner": _histogram,
    "_CategoricalCrossEntropyCombiner": _entropy("categorical_entropy"),
    "_CompilableMetricsCombiner": _keras,
    "_ExampleCountCombiner": _count,
    "_MeanAbsoluteErrorCombiner": _error("absolute_error"),
    "_MeanAbsolutePercentageErrorCombiner": _error("percentage_error"),
    "_MeanSquaredErrorCombiner": _error("squared_error"),
    "_MeanSquaredLogarithmicErrorCombiner": _error("logarithmic_error"),
    "_WeightedLabelsPredictionsExamplesCombiner": _totals,
    **TASK_COMBINERS,
}
