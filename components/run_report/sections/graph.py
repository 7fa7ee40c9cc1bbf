"""The run's nodes and what went between them; and what its model was made of."""

from __future__ import annotations

from typing import Any, Final

from components.run_report.sections.known import KnownRun
from taxiway.lineage.collect import Lineage
from taxiway.lineage.drawing.picture import picture
from taxiway.lineage.graph import Graph
from taxiway.lineage.printing.text import Shown
from taxiway.metadata.records import StoreContent

MADE_LAST: Final = ("ModelVersion", "PushedModel", "Model", "Examples")
"""The first of these that a run has put out is what its lineage is drawn of."""


def graph_section(run: KnownRun) -> dict[str, Any] | None:
    """Pairs of nodes: the second took what the first had put out."""
    content = run.content
    if not content.executions:
        return None
    node_of = {key: one.node_id for key, one in content.executions.items()}
    makers = {
        one.artifact_id: node_of[one.execution_id] for one in content.events if not one.is_input
    }
    taken = {
        (makers[one.artifact_id], node_of[one.execution_id])
        for one in content.events
        if one.is_input and one.artifact_id in makers
    }
    return {"edges": sorted([list(pair) for pair in taken if pair[0] != pair[1]])}


def lineage_section(run: KnownRun) -> dict[str, Any] | None:
    """What the run's model was made of, as boxes and arrows to draw."""
    start = _start(run.content)
    if start is None:
        return None
    content = run.content
    lineage = Lineage(f"run {run.run_id}", "version", (start,), Graph(content), {})
    drawn = picture(lineage, Shown(run.root))
    return {
        "boxes": [
            {"id": one.id, "lines": list(one.lines), "is_subject": one.is_subject}
            for one in drawn.boxes
        ],
        "arrows": [[one.source, one.target, one.is_baseline] for one in drawn.arrows],
    }


def _start(content: StoreContent) -> int | None:
    """The last artifact of the type that is furthest down the pipeline."""
    made = {one.artifact_id for one in content.events if not one.is_input}
    for wanted in MADE_LAST:
        found = [key for key in made if content.artifacts[key].type == wanted]
        if found:
            return max(found)
    return None
