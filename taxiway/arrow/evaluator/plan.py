"""An EvalConfig as a plan: what is summed over rows, and what TFMA derives from the sums."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import (
    binary_confusion_matrices,
    calibration_histogram,
    metric_specs,
    metric_types,
)

from taxiway.arrow.evaluator.combiners import rows_of, vectorized
from taxiway.arrow.evaluator.intervals import FORMULAS, SHARES, Interval, wilson
from taxiway.arrow.evaluator.measures import Measure
from taxiway.arrow.evaluator.models import USE_BEAM, USE_BEAM_KEY, Model
from taxiway.arrow.evaluator.pairing import Array
from taxiway.arrow.evaluator.shard import Settings
from taxiway.arrow.evaluator.sums import CellSums
from taxiway.arrow.evaluator.vectorized import Buckets, Metrics, UnknownError, Vectorized
from taxiway.errors import ConfigError
from taxiway.evaluation.eval_config import asks_for_formulas

SAMPLES: Final = 20
"""Replicates of TFMA's Poisson bootstrap."""
_EVEN: Final = re.compile(r"_binary_confusion_matrices:num_thresholds=(\d+)")


@dataclass(frozen=True)
class Plan:
    """How an EvalConfig is computed."""

    eval_config: Any
    combiners: tuple[Vectorized, ...]
    derived: tuple[Any, ...]
    """TFMA's DerivedMetricComputations, each after those it needs."""
    after_intervals: tuple[Any, ...]
    replicates: int
    """Of the bootstrap."""
    formulas: Mapping[Any, Callable[[Metrics], Interval | None]]
    """Analytic intervals of a slice's metrics, by MetricKey."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is summed, each once."""
        return tuple(dict.fromkeys(combiner.measure for combiner in self.combiners))

    def settings(self, model_paths: Mapping[str, str]) -> Settings:
        """What goes to the workers: plain data, so that they need no TFMA."""
        return Settings(
            models=tuple(
                Model(
                    name=spec.name,
                    path=model_paths[spec.name],
                    signature=spec.signature_name,
                    prediction=spec.prediction_key,
                    label=spec.label_key,
                    weight=spec.example_weight_key,
                    label_signature=next(iter(spec.preprocessing_function_names), ""),
                )
                for spec in self.eval_config.model_specs
            ),
            slices=tuple(tuple(spec.feature_keys) for spec in self.eval_config.slicing_specs)
            or ((),),
            measures=self.measures,
            replicates=self.replicates,
        )


def plan(eval_config: Any) -> Plan:
    """How the arrow engine computes what an EvalConfig, with TFMA's defaults, asks for.

    Raises:
      ConfigError: it asks for what this engine cannot do.
    """
    _refuse(eval_config)
    specs = list(eval_config.metrics_specs)
    try:
        computations = metric_specs.to_computations(specs, eval_config=eval_config)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"TFMA refuses the metrics: {error}", edit="options of evaluation.metrics"
        ) from error
    found: list[Vectorized] = []
    derived, after_intervals = [], []
    # Each metric brings copies of what it derives from; TFMA keeps the first of equals.
    for _, computation in dict.fromkeys((type(each), each) for each in computations):
        if isinstance(computation, metric_types.MetricComputation):
            try:
                found += vectorized(computation)
            except UnknownError as error:
                names = sorted({key.name for key in computation.keys})
                raise refused(f"TFMA's {', '.join(names)}", str(error)) from error
        elif isinstance(computation, metric_types.CIDerivedMetricComputation):
            after_intervals.append(computation)
        elif isinstance(computation, metric_types.DerivedMetricComputation):
            derived.append(_faster(computation))
    return Plan(
        eval_config,
        tuple(found),
        tuple(derived),
        tuple(after_intervals),
        _replicates(eval_config),
        dict(_formulas(eval_config)) if asks_for_formulas(eval_config) else {},
    )


def refused(what: str, why: str) -> ConfigError:
    """The error for what only the stock executor can do."""
    return ConfigError(
        f"the arrow engine cannot compute {what}: {why}; {USE_BEAM}", edit=USE_BEAM_KEY
    )


def _refuse(config: Any) -> None:
    for spec in config.model_specs:
        kind = spec.model_type or tfma.TF_GENERIC
        if kind != tfma.TF_GENERIC:
            raise refused(f"models of type {kind}", f"it knows {tfma.TF_GENERIC}")
        for name in ("label_keys", "prediction_keys", "example_weight_keys"):
            if getattr(spec, name):
                raise refused(name, "it does not know models of several outputs")
        if len(spec.preprocessing_function_names) > 1:
            raise refused(
                "several preprocessing_function_names", "it asks a model for labels by one of them"
            )
    for spec in config.slicing_specs:
        if spec.feature_values or spec.slice_keys_sql:
            raise refused("slices by value or SQL", "it slices by columns")
    for spec in config.metrics_specs:
        if spec.query_key:
            raise refused(f"query_key {spec.query_key}", "it does not group rows")
    if config.cross_slicing_specs:
        raise refused("cross_slicing_specs", "it compares models, not slices")
    if config.options.min_slice_size.value > 1:
        raise refused("min_slice_size", "it leaves no slice out")


def _replicates(config: Any) -> int:
    if not config.options.compute_confidence_intervals.value:
        return 0
    method = config.options.confidence_intervals.method
    if method != config.options.confidence_intervals.POISSON_BOOTSTRAP:
        raise refused("jackknife intervals", "it knows the Poisson bootstrap")
    return SAMPLES


def _formulas(config: Any) -> Iterator[tuple[Any, Callable[[Metrics], Interval | None]]]:
    """Metrics with a formula; it is one of rows, so not for weights or several pairs a row."""
    specs = list(config.metrics_specs)
    for key, _, metric in metric_specs.keys_and_metrics_from_specs(config, specs):
        kind = type(metric).__name__
        if key.example_weighted or key.aggregation_type:
            continue
        if kind in SHARES:
            yield key, partial(_of_share, key=key)
        if kind not in FORMULAS:
            continue
        *_, matrices, derived = metric.computations(
            eval_config=config, model_names=[key.model_name], sub_keys=[key.sub_key]
        )
        (reported,) = derived.keys
        options = metric.get_config()
        one_number = len(options.get("thresholds") or [0]) == 1 and options.get("curve") != "PR"
        one_pair = not reported.sub_key or reported.sub_key.class_id is not None
        if one_number and one_pair:
            yield reported, partial(_of_matrices, formula=FORMULAS[kind], key=matrices.keys[-1])


def _of_share(metrics: Metrics, key: Any) -> Interval | None:
    rows = metrics[rows_of(key)]
    return wilson(metrics[key] * rows, rows)


def _of_matrices(
    metrics: Metrics, formula: Callable[[Any], Interval | None], key: Any
) -> Interval | None:
    return formula(metrics[key])


def _faster(computation: Any) -> Any:
    """TFMA walks through 10,000 buckets of a histogram in Python; this is the same in numpy."""
    if len(computation.keys) != 1:
        return computation
    (key,) = computation.keys
    even = _EVEN.fullmatch(key.name)
    if not even:
        return computation
    thresholds = binary_confusion_matrices._interpolated_thresholds(int(even[1]))
    (histogram,) = calibration_histogram.calibration_histogram(
        model_name=key.model_name,
        output_name=key.output_name,
        sub_key=key.sub_key,
        example_weighted=key.example_weighted,
    )
    (source,) = histogram.keys

    def result(metrics: Metrics) -> Metrics:
        buckets = metrics[source]
        assert isinstance(buckets, Buckets)
        return {key: matrices(thresholds, buckets.sums)}

    return metric_types.DerivedMetricComputation(keys=[key], result=result)


def matrices(thresholds: list[float], histogram: CellSums) -> Any:
    """Confusion matrices at thresholds from below 0 to above 1, of TFMA's default histogram.

    The numbers are those of `calibration_histogram.rebin` and
    `binary_confusion_matrices._histogram_to_binary_confusion_matrices`.
    """
    epsilon = binary_confusion_matrices._EPSILON
    count = calibration_histogram.DEFAULT_NUM_BUCKETS
    fences = np.array([t + epsilon if t != 0 else t for t in thresholds])
    cells = histogram.cells
    starts = np.where(cells == 0, -np.inf, (cells - 1) / count)
    starts = np.where(cells >= count + 1, np.inf, starts)
    at = np.maximum(np.searchsorted(fences, starts, side="right") - 1, 0)

    def binned(values: Array) -> Array:
        return np.bincount(at, weights=values, minlength=len(fences))

    positives = binned(histogram.values[:, 0])
    negatives = binned(histogram.values[:, 2]) - positives
    tp, fp = np.cumsum(positives[::-1])[::-1], np.cumsum(negatives[::-1])[::-1]
    fn = np.concatenate([[0.0], np.cumsum(positives)[:-1]])
    tn = np.concatenate([[0.0], np.cumsum(negatives)[:-1]])
    outside = np.array(thresholds) >= 1.0 + epsilon
    fn, tn = np.where(outside, tp[0], fn), np.where(outside, fp[0], tn)
    tp, fp = np.where(outside, 0.0, tp), np.where(outside, 0.0, fp)
    return binary_confusion_matrices.Matrices(thresholds, tp, tn, fp, fn)
