"""Runs summed up: which nodes are shown, under which names, and the typical run of a size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Final

from benchmarks.records import Run, Side

NAMES: Final[Mapping[str, str]] = {"CsvExampleGen": "ExampleGen", "ArrowExampleGen": "ExampleGen"}
"""Nodes that do the same on both sides under different names."""
MAIN_NODES: Final = ("ExampleGen", "StatisticsGen", "Transform", "Trainer", "Evaluator")


def shared_name(node: str) -> str:
    """The name a node goes by on both sides."""
    return NAMES.get(node, node)


def typical(runs: Sequence[Run], side: Side, rows: int) -> Run | None:
    """The run of median time of one side at one size; the faster of the middle two."""
    found = [run for run in runs if run.side == side and run.rows == rows]
    if not found:
        return None
    middle = median_low([run.seconds for run in found])
    return next(run for run in found if run.seconds == middle)


def sizes(runs: Sequence[Run]) -> list[int]:
    """All sizes that were run, smallest first."""
    return sorted({run.rows for run in runs})
