"""Draws a result as SVG: for each size both sides' runs as timelines, one bar per node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.data import size_name
from benchmarks.records import NodeRun, Results, Run, Side
from benchmarks.summary import MAIN_NODES, shared_name, sizes, typical

# Okabe and Ito's colours, which colour-blind readers distinguish.
COLOURS: Final = dict(
    zip(MAIN_NODES, ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2"), strict=True)
)
OTHER_NODE: Final = "#999999"
NO_NODE: Final = "#E8E8E8"
LABELS: Final[dict[Side, str]] = {"stock": "stock TFX", "taxiway": "Taxiway"}
WIDTH_INCHES: Final = 8.0
LANE_INCHES: Final = 0.26
STYLE: Final = {"svg.fonttype": "none", "svg.hashsalt": "taxiway", "font.size": 8}


def draw(results: Results, path: Path) -> None:
    """Writes the chart; the same results give the same picture."""
    panels = [
        (rows, [run for side in LABELS if (run := typical(results.runs, side, rows))])
        for rows in sizes(results.runs)
    ]
    heights = [LANE_INCHES * len(runs) + 0.34 for _, runs in panels]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, sum(heights) + 0.5), layout="constrained")
        axes = figure.subplots(
            len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for axis, (rows, runs) in zip(axes[:, 0], panels, strict=True):
            _panel(axis, rows, runs)
        axes[-1, 0].set_xlabel("seconds from the start of the process, imports included")
        colours = {**COLOURS, "other nodes": OTHER_NODE, "start, between nodes": NO_NODE}
        patches = [Patch(color=colour, label=name) for name, colour in colours.items()]
        figure.legend(handles=patches, loc="outside upper center", ncols=4, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def lanes(nodes: Sequence[NodeRun]) -> list[tuple[int, NodeRun]]:
    """Each node with the first lane that is free when it starts: 0 where none run side by side."""
    free: list[float] = []
    placed = []
    for node in sorted(nodes, key=lambda one: one.start):
        lane = next((place for place, until in enumerate(free) if until <= node.start), len(free))
        free[lane : lane + 1] = [node.end]
        placed.append((lane, node))
    return placed


def _panel(axis: Any, rows: int, runs: Sequence[Run]) -> None:
    for place, run in enumerate(runs):
        axis.barh(place, run.seconds, height=0.7, color=NO_NODE)
        placed = lanes(run.nodes)
        height = 0.7 / (1 + max((lane for lane, _ in placed), default=0))
        for lane, node in placed:
            middle = place - 0.35 + height * (lane + 0.5)
            colour = COLOURS.get(shared_name(node.node), OTHER_NODE)
            axis.barh(middle, node.seconds, left=node.start, height=height, color=colour)
        label = f" {run.seconds:.0f} s, {run.memory / 1e9:.1f} GB"
        axis.text(run.seconds, place, label, va="center")
    axis.set_yticks(range(len(runs)), [LABELS[run.side] for run in runs])
    axis.set_ylim(len(runs) - 0.5, -0.5)
    axis.set_xlim(0, 1.2 * max(run.seconds for run in runs))
    axis.set_title(f"{size_name(rows)} rows", loc="left", fontsize=8, fontweight="bold")
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
