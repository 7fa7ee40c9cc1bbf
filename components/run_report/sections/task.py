"""The report's section on the task: its classes and their confusions, or numbers and residuals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from taxiway.evaluation.eval_config import PREDICTIONS, RESIDUALS
from taxiway.evaluation.pictures import NO_CLASS, Bucket, buckets, confusions, judged
from taxiway.modeling.spec import Task

MOST_CLASSES: Final = 12
"""Of a matrix that can be read; of more classes the commonest mistakes are listed."""
MOST_MISTAKES: Final = 10
GROUPS: Final = 20
"""Of as many rows each, whose mean prediction is drawn against their mean label."""
BINS: Final = 31
"""Of the histogram of residuals; odd, so that one is around 0."""
MOST_POINTS: Final = 150
"""Of a curve over thresholds."""
MIDDLE: Final = 0.98
"""Share of the rows whose residuals are drawn; the rest is in the outermost bins."""


def class_names(task: Task, transform_graph: str) -> tuple[str, ...]:
    """Names of a task's classes by number; none for a Regression.

    Args:
      task: of the model's spec.
      transform_graph: of Transform's output, which has the classes that a task learns.
    """
    import tensorflow_transform as tft

    from taxiway.modeling.tasks import labels_of

    def vocabulary(name: str) -> list[bytes]:
        return list(tft.TFTransformOutput(transform_graph).vocabulary_by_name(name))

    return labels_of(task, vocabulary).classes


def task_section(evaluation_uri: str, names: Sequence[str]) -> dict[str, Any] | None:
    """What was judged and how the model answers; None where Taxiway did not ask for it.

    Args:
      evaluation_uri: of the evaluation artifact.
      names: of the classes by number, as far as they are known.
    """
    task, label, weight = judged(evaluation_uri)
    if task is None:
        return None
    section: dict[str, Any] = {"kind": task, "label": label, "weight": weight}
    if task == "Regression":
        return section | {
            "calibration": _calibration(buckets(evaluation_uri, PREDICTIONS)),
            "residuals": _residuals(buckets(evaluation_uri, RESIDUALS)),
        }
    section |= _classes(confusions(evaluation_uri), names or _numbers(task))
    if task == "Binary":
        found = buckets(evaluation_uri, PREDICTIONS)
        section |= {"calibration": _calibration(found), "curves": threshold_curves(found)}
    return section


def _numbers(task: str) -> Sequence[str]:
    return ("0", "1") if task == "Binary" else ()


def _classes(counts: Mapping[tuple[int, int], int], names: Sequence[str]) -> dict[str, Any]:
    """Rows of each class, how many of them are found, and what they are taken for."""
    last = max((number for pair in counts for number in pair), default=-1)
    known = [names[i] if i < len(names) else str(i) for i in range(max(last + 1, len(names)))]
    columns = range(NO_CLASS if any(p == NO_CLASS for _, p in counts) else 0, len(known))
    table = [[counts.get((i, j), 0) for j in columns] for i in range(len(known))]
    right = [counts.get((i, i), 0) for i in range(len(known))]
    actual = [sum(row) for row in table]
    predicted = [sum(counts.get((i, j), 0) for i in range(len(known))) for j in range(len(known))]
    mistakes = sorted(
        ((rows, i, j) for (i, j), rows in counts.items() if i != j and rows),
        key=lambda one: (-one[0], one[1:]),
    )
    return {
        "rows": sum(actual),
        "classes": [
            {
                "name": name,
                "rows": actual[i],
                "predicted": predicted[i],
                "recall": right[i] / actual[i] if actual[i] else None,
                "precision": right[i] / predicted[i] if predicted[i] else None,
            }
            for i, name in enumerate(known)
        ],
        "confusion": None
        if len(known) > MOST_CLASSES
        else {
            "predicted": [known[j] if j != NO_CLASS else "none" for j in columns],
            "first": columns.start,
            "rows": table,
        },
        "mistakes": [
            {"actual": known[i], "predicted": known[j] if j != NO_CLASS else "none", "rows": rows}
            for rows, i, j in mistakes[:MOST_MISTAKES]
        ],
    }


def threshold_curves(found: Sequence[Bucket]) -> dict[str, Any] | None:
    """ROC and precision-recall over all thresholds, from the highest down.

    Args:
      found: rows by their probability, with the sum of their labels; a bucket is about 1 % of a
        probability wide, and so is what lies between two points.

    Returns:
      `roc`, pairs of false and true positive rate; `precision_recall`, pairs of recall and
      precision; `base_rate`. None where the labels are all the same.
    """
    known = [one for one in reversed(found) if one.rows > 0 and math.isfinite(one.label)]
    yes = sum(one.label for one in known)
    no = sum(one.rows for one in known) - yes
    if yes <= 0 or no <= 0:
        return None
    roc, precision_recall = [[0.0, 0.0]], []
    true = false = 0.0
    for one in known:
        true, false = true + one.label, false + one.rows - one.label
        roc.append([false / no, true / yes])
        precision_recall.append([true / yes, true / (true + false)])
    return {
        "roc": _thinned(roc),
        "precision_recall": _thinned(precision_recall),
        "base_rate": yes / (yes + no),
    }


def _thinned(points: Sequence[list[float]]) -> list[list[float]]:
    """No more points than can be told apart, the last among them."""
    every = max(1, math.ceil(len(points) / MOST_POINTS))
    kept = list(points[::every])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _calibration(found: Sequence[Bucket]) -> dict[str, Any] | None:
    """Groups of neighbouring predictions with about as many rows each, and the range of both."""
    known = [one for one in found if one.rows > 0 and math.isfinite(one.label + one.prediction)]
    if not known:
        return None
    size = sum(one.rows for one in known) / GROUPS
    groups: list[dict[str, float]] = []
    rows = label = prediction = 0.0
    for one in known:
        rows, label, prediction = rows + one.rows, label + one.label, prediction + one.prediction
        if rows >= size or one is known[-1]:
            groups.append({"predicted": prediction / rows, "actual": label / rows, "rows": rows})
            rows = label = prediction = 0.0
    numbers = [group[which] for group in groups for which in ("predicted", "actual")]
    return {"groups": groups, "ticks": ticks(min(numbers), max(numbers))}


def _residuals(found: Sequence[Bucket]) -> dict[str, Any] | None:
    """Rows by the label minus the prediction, in bins of equal width around 0."""
    known = [one for one in found if one.rows > 0 and math.isfinite(one.low + one.high)]
    if not known:
        return None
    total = sum(one.rows for one in known)
    beyond = sorted((max(-one.low, one.high), one.rows) for one in known)
    left, reach = total * MIDDLE, beyond[-1][0]
    for size, rows in beyond:
        left -= rows
        if left <= 0:
            reach = size
            break
    width = 2 * reach / BINS
    rows_of = [0.0] * BINS
    for one in known:
        _spread(one, -reach, width, rows_of)
    return {
        "reach": reach,
        "rows": rows_of,
        "outside": max(0.0, total - sum(rows for size, rows in beyond if size <= reach)),
        "mean": sum(one.label - one.prediction for one in known) / total,
        "ticks": ticks(-reach, reach),
    }


def _spread(bucket: Bucket, start: float, width: float, rows_of: list[float]) -> None:
    """Adds a bucket's rows to the bins that it lies in, by how much of it is in each."""
    last = len(rows_of) - 1
    first = min(max(int((bucket.low - start) / width), 0), last)
    final = min(max(int((bucket.high - start) / width), first), last)
    if first == final:
        rows_of[first] += bucket.rows
        return
    size = bucket.high - bucket.low
    for at in range(first, final + 1):
        low = bucket.low if at == first else start + at * width
        high = bucket.high if at == final else start + (at + 1) * width
        rows_of[at] += bucket.rows * max(0.0, high - low) / size


def ticks(low: float, high: float) -> list[float]:
    """Four to ten round numbers, the first not above `low` and the last not below `high`."""
    span = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(by for by in (1, 2, 5, 10) if span / (step * by) <= 7)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * i, 12) for i in range(first, max(last, first + 1) + 1)]
