"""What is measured of each task, and what a model must reach, where the config says neither.

The bounds are those below which a model knows no more than a constant does. They are shares of the
loss of the best constant (`d2_log_loss`, `r2`), so that they hold for rare and frequent labels, and
for a label in any unit; an accuracy of 0.9 is bad where nine labels of ten are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from taxiway.config.evaluation import Change, Evaluation, Metric, Threshold
from taxiway.errors import ConfigError, did_you_mean
from taxiway.evaluation.metrics import TaskName
from taxiway.modeling.spec import FeatureSpec, MultiClass, Task

MOST_CLASSES: Final = 10
"""Named classes up to which each has metrics of its own; a table of more is not read."""
KNOWS_SOMETHING: Final = 0.01
"""The smallest share of a constant's loss that a model must take away. The best constant has 0, and
that of the train split's mean less; 0.01 keeps either out whatever floats do."""
WORSE: Final = Change(worst_absolute=0.02)
"""How much may be lost against the baseline, in metrics whose best is 1."""

METRICS_OF: Final[Mapping[TaskName, Sequence[str]]] = {
    "Binary": (
        *("auc", "auc_precision_recall", "binary_accuracy", "precision", "recall"),
        *("binary_crossentropy", "d2_log_loss", "calibration", "example_count"),
    ),
    "MultiClass": (
        *("sparse_categorical_accuracy", "sparse_categorical_crossentropy", "d2_log_loss"),
        "example_count",
    ),
    "Regression": (
        *("root_mean_squared_error", "mean_absolute_error", "r2", "mean_label"),
        *("mean_prediction", "calibration", "example_count"),
    ),
}
THRESHOLDS_OF: Final[Mapping[TaskName, Sequence[Threshold]]] = {
    "Binary": (
        Threshold(metric="d2_log_loss", lower=KNOWS_SOMETHING),
        Threshold(metric="auc", lower=0.5 + KNOWS_SOMETHING, change=WORSE),
        Threshold(metric="calibration", lower=0.5, upper=2.0),
    ),
    "MultiClass": (
        Threshold(metric="d2_log_loss", lower=KNOWS_SOMETHING),
        Threshold(metric="sparse_categorical_accuracy", change=WORSE),
    ),
    "Regression": (Threshold(metric="r2", lower=KNOWS_SOMETHING, change=WORSE),),
}


def task_name(task: Task) -> TaskName:
    """The task's class, by which tables name it."""
    names: Mapping[str, TaskName] = {name: name for name in METRICS_OF}
    return names[type(task).__name__]


def for_task(evaluation: Evaluation, spec: FeatureSpec) -> Evaluation:
    """The evaluation with what it leaves out, and with classes by number instead of by name.

    Raises:
      ConfigError: a class that the task does not have, or no threshold on what is measured.
    """
    name = task_name(spec.task)
    metrics = evaluation.metrics
    if metrics is None:
        metrics = (*(Metric(name=one) for one in METRICS_OF[name]), *_of_each_class(spec.task))
    measured = {metric.name for metric in metrics}
    thresholds = evaluation.thresholds
    if thresholds is None:
        usual = THRESHOLDS_OF[name]
        thresholds = tuple(one for one in usual if one.metric in measured)
        if all(one.lower is None and one.upper is None for one in thresholds):
            raise ConfigError(
                "evaluation.thresholds: none is given, and evaluation.metrics has none of those "
                f"that have a bound of their own for {name} "
                f"({', '.join(one.metric for one in usual)})",
                edit="evaluation.thresholds, or evaluation.metrics",
            )
    return evaluation.model_copy(
        update={
            "metrics": tuple(_numbered(metric, spec.task) for metric in metrics),
            "thresholds": thresholds,
        }
    )


def _of_each_class(task: Task) -> Iterator[Metric]:
    """Each class against the others; precision and recall are those of the likeliest class."""
    classes = task.classes if isinstance(task, MultiClass) else ()
    if len(classes) > MOST_CLASSES:
        return
    words = [re.sub(r"\W+", "_", str(one)).strip("_") for one in classes]
    for number, word in enumerate(words):
        name = word if word and words.count(word) == 1 else f"{word or 'class'}_{number}"
        yield Metric(name=f"auc_{name}", kind="auc", class_id=number)
        for kind in ("precision", "recall"):
            yield Metric(name=f"{kind}_{name}", kind=kind, class_id=number, top_k=1)


def _numbered(metric: Metric, task: Task) -> Metric:
    if not isinstance(metric.class_id, str) or not isinstance(task, MultiClass):
        return metric
    names = [str(one) for one in task.classes]
    if metric.class_id not in names:
        known = f"expected one of {', '.join(names)}" if names else "its classes are learned"
        raise ConfigError(
            f"evaluation.metrics: '{metric.name}' is of class '{metric.class_id}', which the task "
            f"does not name{did_you_mean(metric.class_id, names)} ({known})",
            edit="evaluation.metrics, or classes of the task in the model's features.py",
        )
    return metric.model_copy(update={"class_id": names.index(metric.class_id)})
