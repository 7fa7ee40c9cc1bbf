"""What the Evaluator could not measure, or would measure wrongly, refused before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from taxiway.config.engine import EngineKind
from taxiway.config.evaluation import Analytic, Evaluation, Metric
from taxiway.errors import ConfigError, did_you_mean
from taxiway.evaluation.defaults import for_task, task_name
from taxiway.evaluation.metrics import (
    ARROW_CLASSES,
    FORMULA_CLASSES,
    HIDDEN,
    METRICS,
    TASKS,
    better,
    is_one_number,
    options_of,
    tfma_class,
)
from taxiway.evaluation.ranking import ranking_of
from taxiway.modeling.spec import FeatureSpec, MultiClass, Task

METRICS_KEY: Final = "evaluation.metrics"
USE_BEAM_KEY: Final = "engine.components: {Evaluator: beam}"


def check_evaluation(evaluation: Evaluation, spec: FeatureSpec, engine: EngineKind) -> None:
    """Refuses what could not be measured.

    Raises:
      ConfigError: a metric no one knows, that the engine or the task does not have, options it does
        not take, a class that is not there, a threshold on a metric that is not measured, is not
        one number or has no better and worse, intervals without a formula, slices ranked by such a
        metric, or a slice by a column that the FeatureSpec does not offer.
    """
    asked = for_task(evaluation, spec)
    metrics = asked.metrics or ()
    names = [metric.name for metric in metrics]
    for name in names:
        if name.startswith(HIDDEN):
            raise ConfigError(
                f"{METRICS_KEY}: '{name}' is a name that Taxiway keeps to itself", edit=METRICS_KEY
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"{METRICS_KEY}: {', '.join(twice)} more than once; give each its own name, "
            "as in {name: precision_30, kind: precision, thresholds: [0.3]}",
            edit=METRICS_KEY,
        )
    for metric in metrics:
        _check_metric(metric, engine)
        _check_task(metric, spec.task)
    _check_formulas(asked, spec, engine)
    _check_thresholds(asked, dict(zip(names, metrics, strict=True)))
    ranking_of(asked, spec)
    _check_slices(asked, spec)


def _check_metric(metric: Metric, engine: EngineKind) -> None:
    """The metric by itself."""
    if metric.tfma_class:
        if engine == "arrow" and metric.tfma_class not in ARROW_CLASSES:
            raise ConfigError(
                f"{METRICS_KEY}: the arrow engine does not know TFMA's '{metric.tfma_class}'"
                f"{did_you_mean(metric.tfma_class, ARROW_CLASSES)}; "
                "use engine: beam for the Evaluator",
                edit=f"{USE_BEAM_KEY}, or {METRICS_KEY}",
            )
        return
    kind = metric.kind or metric.name
    if kind not in METRICS:
        raise ConfigError(
            f"{METRICS_KEY}: unknown metric '{kind}'{did_you_mean(kind, METRICS)} "
            f"(known: {', '.join(METRICS)}; any other of TFMA's is a tfma_class)",
            edit=METRICS_KEY,
        )
    known = METRICS[kind]
    given = metric.typed_options()
    for option in given:
        if option not in known.options:
            raise ConfigError(
                f"{METRICS_KEY}: '{kind}' takes {', '.join(known.options) or 'no options'}, "
                f"and not {option}",
                edit=METRICS_KEY,
            )
    for option in known.required:
        if option not in given:
            raise ConfigError(f"{METRICS_KEY}: '{kind}' needs {option}", edit=METRICS_KEY)


def _check_task(metric: Metric, task: Task) -> None:
    """The metric and the task: it measures what the model answers, or one class of it."""
    given = options_of(metric)
    parts = [option for option in ("class_id", "top_k") if option in given]
    what = f"{type(task).__name__}('{task.label}')"
    edit = f"{METRICS_KEY}, or the task in the model's features.py"
    if parts and not isinstance(task, MultiClass):
        raise ConfigError(
            f"{METRICS_KEY}: '{metric.name}' has {' and '.join(parts)}, which is for the classes "
            f"of a MultiClass, and the task is {what}",
            edit=edit,
        )
    if isinstance(task, MultiClass) and "class_id" in given:
        _check_class(metric, given["class_id"], task)
    known = None if metric.tfma_class else METRICS[metric.kind or metric.name]
    fits = known.tasks if known else TASKS.get(metric.tfma_class)
    if fits is None or parts or task_name(task) in fits:
        return
    hint = ""
    if isinstance(task, MultiClass) and (known is None or "class_id" in known.options):
        hint = "; it can be of one class, with class_id"
        if task.classes:
            hint += f" ({', '.join(map(str, task.classes))})"
    are = " or ".join(dict.fromkeys(fits)) or "labels that are one-hot"
    raise ConfigError(
        f"{METRICS_KEY}: '{metric.name}' is for {are}, and the task is {what}{hint}", edit=edit
    )


def _check_class(metric: Metric, class_id: object, task: MultiClass) -> None:
    """How many classes there are is known here only where the task names them."""
    last = len(task.classes) - 1
    if isinstance(class_id, int) and (last < 0 or 0 <= class_id <= last):
        return
    classes = f" ({', '.join(map(str, task.classes))})" if task.classes else ""
    expected = f"0 to {last}{classes}" if task.classes else "a number from 0 on"
    raise ConfigError(
        f"{METRICS_KEY}: '{metric.name}' has class_id {class_id}, expected {expected}",
        edit=METRICS_KEY,
    )


def _check_formulas(evaluation: Evaluation, spec: FeatureSpec, engine: EngineKind) -> None:
    if not isinstance(evaluation.confidence, Analytic):
        return
    edit = "evaluation.confidence"
    if engine == "beam":
        raise ConfigError(
            f"{edit}: TFMA has no analytic intervals, which engine: beam would need "
            "(it has kind: bootstrap)",
            edit=f"{edit}, or engine.components.Evaluator",
        )
    if spec.weight:
        raise ConfigError(
            f"{edit}: formulas count rows, and these have weights ('{spec.weight}'); "
            "kind: bootstrap draws rows with their weights",
            edit=edit,
        )
    metrics = evaluation.metrics or ()
    if not any(tfma_class(metric) in FORMULA_CLASSES for metric in metrics):
        raise ConfigError(
            f"{edit}: there is no formula for {', '.join(metric.name for metric in metrics)}; "
            "kind: bootstrap has intervals for all of them",
            edit=edit,
        )


def _check_thresholds(evaluation: Evaluation, by_name: Mapping[str, Metric]) -> None:
    edit = f"evaluation.thresholds or {METRICS_KEY}"
    for threshold in evaluation.thresholds or ():
        name = threshold.metric
        if name not in by_name:
            raise ConfigError(
                f"evaluation.thresholds: '{name}' is not among {METRICS_KEY}"
                f"{did_you_mean(name, by_name)}",
                edit=edit,
            )
        metric = by_name[name]
        if not is_one_number(metric):
            raise ConfigError(
                f"evaluation.thresholds: '{name}' is not one number; measure one threshold of it "
                "under a name of its own, as in "
                "{name: precision_30, kind: precision, thresholds: [0.3]}",
                edit=edit,
            )
        if {"class_id", "top_k"} <= options_of(metric).keys():
            raise ConfigError(
                f"evaluation.thresholds: '{name}' has both class_id and top_k, under which TFMA "
                "finds no value to hold against a threshold; measure it with one of them",
                edit=edit,
            )
        if threshold.change and better(metric) == "target":
            raise ConfigError(
                f"evaluation.thresholds: '{name}' has no better and worse; "
                "bound it with lower and upper instead of change",
                edit="evaluation.thresholds",
            )


def _check_slices(evaluation: Evaluation, spec: FeatureSpec) -> None:
    known = spec.sliceable()
    of_thresholds = (one for bound in evaluation.thresholds or () for one in bound.slices)
    for columns in (*evaluation.slices, *of_thresholds):
        for column in columns:
            if column not in known:
                raise ConfigError(
                    f"evaluation: cannot slice by '{column}'{did_you_mean(column, known)} "
                    f"(categorical features, and FeatureSpec.slices: {', '.join(known)})",
                    edit="evaluation.slices, or slices of the model's features.py",
                )
