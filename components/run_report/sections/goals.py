"""The project's goals, each with what was measured, and whether it is met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.run_report.sections.known import KnownRun
from taxiway.config.goals import Goal, Measured, MeasuredSlice

ANSWERS: Final = (("true_negative", "false_positive"), ("false_negative", "true_positive"))
"""By actual and predicted class."""


def goals_section(run: KnownRun, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One for each goal of the config; `met` is None where there is nothing to hold it against.

    Args:
      run: has the goals.
      report: what other sections have found.
    """
    measured = measured_of(report)
    return [_held(goal, measured) for goal in run.goals]


def measured_of(report: Mapping[str, Any]) -> Measured:
    """What goals may be about, of a report."""
    evaluation = report.get("evaluation") or {}
    infra, cost = report.get("infra") or {}, report.get("cost") or {}
    return Measured(
        metrics=evaluation.get("overall", {}),
        slices=[
            MeasuredSlice(one["name"], one["metrics"], one["is_ranked"])
            for one in evaluation.get("by_slice", ())
        ],
        latencies_ms={
            name: infra[f"latency_{name}_ms"]
            for name in ("p50", "p95", "p99")
            if f"latency_{name}_ms" in infra
        },
        answers=_answers(evaluation.get("task") or {}),
        cost=cost.get("amount"),
        currency=cost.get("currency", ""),
    )


def _answers(task: Mapping[str, Any]) -> dict[str, int]:
    matrix = task.get("confusion")
    if task.get("kind") != "Binary" or not matrix or len(matrix["rows"]) != len(ANSWERS):
        return {}
    rows = [row[-len(ANSWERS) :] for row in matrix["rows"]]
    return {
        name: count
        for names, counts in zip(ANSWERS, rows, strict=True)
        for name, count in zip(names, counts, strict=True)
    }


def _held(goal: Goal, measured: Measured) -> dict[str, Any]:
    found = goal.measure(measured)
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("at least", goal.at_least), ("at most", goal.at_most))
        if bound is not None
    ]
    return {
        "name": goal.name or goal.kind,
        "kind": goal.kind,
        "wanted": " and ".join(bounds),
        "value": found.value,
        "of": found.told,
        "met": None if found.value is None else goal.is_met(found.value),
    }
