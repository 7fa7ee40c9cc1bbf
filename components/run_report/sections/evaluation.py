"""What the Evaluator measured and decided: metrics, intervals, slices from the worst on."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from components.run_report.sections.known import KnownRun
from components.run_report.sections.task import class_names, task_section
from taxiway.evaluation.ranking import Ranking
from taxiway.evaluation.results import (
    OVERALL,
    SliceMetrics,
    blessing_reasons,
    read_metrics,
    worst_slices,
)
from taxiway.metadata.describe import UNUSABLE_BASELINE

WORST_SLICES = 5


def evaluation_section(run: KnownRun) -> dict[str, Any] | None:
    """Metrics of the whole and of slices; None where nothing was evaluated."""
    evaluation = run.output("Evaluator", "evaluation")
    blessing = run.output("Evaluator", "blessing")
    if evaluation is None or blessing is None:
        return None
    slices = read_metrics(evaluation.uri)
    whole = next((item for item in slices if item.name == OVERALL), None)
    worst = worst_slices(slices, run.ranking, len(slices))
    return {
        "blessed": blessing.properties.get("blessed") == 1,
        "baseline": bool(blessing.properties.get("baseline_model_id")),
        "unusable_baseline": str(evaluation.properties.get(UNUSABLE_BASELINE, "")),
        "reasons": blessing_reasons(evaluation.uri),
        "overall": whole.shown() if whole else {},
        "intervals": _pairs(whole.intervals) if whole else {},
        "change": whole.change if whole else {},
        "change_intervals": _pairs(whole.change_intervals) if whole else {},
        "worst_slices": [
            {"name": item.name, "metrics": item.shown()} for item in worst[:WORST_SLICES]
        ],
        "ranked_by": run.ranking.metric,
        "slices": len(slices) - (1 if whole else 0),
        "by_slice": _by_slice(slices, worst, run.ranking),
        "task": task_section(evaluation.uri, _class_names(run)),
    }


def _by_slice(
    slices: Sequence[SliceMetrics], worst: Sequence[SliceMetrics], ranking: Ranking
) -> list[dict[str, Any]]:
    """All slices: the worst first, those too small to be ranked last."""
    ranked = {item.name for item in worst}
    rest = [item for item in slices if item.name != OVERALL and item.name not in ranked]
    rest.sort(key=lambda item: -item.metrics.get("example_count", math.inf))
    return [
        {
            "name": item.name,
            "rows": item.metrics.get("example_count"),
            "is_ranked": item.name in ranked,
            "metrics": item.shown(),
            "change": item.change.get(ranking.metric),
            "interval": _pairs(item.intervals).get(ranking.metric),
        }
        for item in (*worst, *rest)
    ]


def _pairs(intervals: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {name: list(ends) for name, ends in intervals.items()}


def _class_names(run: KnownRun) -> Sequence[str]:
    """Names of the classes by number; none where Transform's vocabulary has them and is gone."""
    graph = run.uri("Transform", "transform_graph")
    try:
        return class_names(run.spec.task, graph) if run.spec else ()
    except Exception:  # of files, of TensorFlow or of the model's code: the report is made without
        logging.exception("the names of the classes are not known")
        return ()
