"""Metrics of runs beside one another, with their change against the first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from taxiway.evaluation.metrics import METRICS
from taxiway.tracking.compare.differences import Measure
from taxiway.tracking.run_record.record import RunRecord

Values = Mapping[str, float]


def compare_metrics(records: Sequence[RunRecord], names: Collection[str] = ()) -> list[Measure]:
    """Over all rows, in the order of the first run.

    Args:
      records: the runs.
      names: only these metrics; empty for all.
    """
    return _measures("", [record.metrics for record in records], records[0].config, names)


def compare_slices(records: Sequence[RunRecord], names: Collection[str] = ()) -> list[Measure]:
    """Over slices, the largest change first."""
    by_name = [{one.name: one.metrics for one in record.slices} for record in records]
    config = records[0].config
    found = [
        measure
        for name in dict.fromkeys(name for slices in by_name for name in slices)
        for measure in _measures(name, [one.get(name, {}) for one in by_name], config, names)
    ]
    return sorted(found, key=lambda one: (-one.largest, one.slice, one.name))


def better_way(name: str, config: Mapping[str, Any]) -> str:
    """Which way a metric is better: higher, lower, or target; empty where that is not known.

    Args:
      name: of the metric.
      config: flat, of the run that it is of, which may have metrics by names of its own.
    """
    for one in config.get("evaluation.metrics") or ():
        if isinstance(one, Mapping) and one.get("name") == name:
            if one.get("tfma_class"):
                return str(one.get("better") or "")
            name = str(one.get("kind") or name)
    known = METRICS.get(name)
    return known.better if known else ""


def _measures(
    part: str, values: Sequence[Values], config: Mapping[str, Any], names: Collection[str]
) -> list[Measure]:
    found = []
    for name in dict.fromkeys(name for one in values for name in one):
        if names and name not in names:
            continue
        numbers = tuple(one.get(name) for one in values)
        first, *others = numbers
        changes = tuple(
            None if first is None or other is None else other - first for other in others
        )
        found.append(Measure(name, part, numbers, changes, better_way(name, config)))
    return found
