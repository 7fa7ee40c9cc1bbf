"""The report's page: charts of its values, and its template filled with both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from taxiway.html import Line, bar_chart, column_chart, inline, line_chart, page, scatter
from taxiway.html.charts import spark
from taxiway.html.svg import parsed
from taxiway.lineage.drawing.picture import Arrow, Box, Picture
from taxiway.lineage.drawing.svg import FILLS, LINE_COLOUR, by_our_layout
from taxiway.terminal import one_line

TONES: Final[Mapping[str, str]] = {
    "succeeded": "good",
    "complete": "good",
    "cached": "good",
    "failed": "bad",
}
"""By outcome or state; anything else is a warning."""
MOST_FEATURES: Final = 60
"""Whose histograms are drawn: the furthest from what they were."""
MOST_SLICES: Final = 100
_COLOURS: Final[Mapping[str, str]] = {
    FILLS["subject"]: "warn",
    FILLS["version"]: "good",
    FILLS["other"]: "box",
    FILLS["good"]: "good",
    FILLS["warn"]: "warn",
    FILLS["bad"]: "bad",
    LINE_COLOUR: "line",
    "none": "none",
}


def render_html(report: Mapping[str, Any]) -> str:
    """The report as one self-contained page; every value is escaped and printable."""
    return page(
        "report.html.j2",
        Path(__file__).parent / "templates",
        report=report,
        tones=TONES,
        state_of=state_of,
        graph=_graph(report),
        lineage=_lineage(report.get("lineage")),
        task_charts=_task_charts(report["evaluation"] and report["evaluation"]["task"]),
        curve_charts=_curves(report.get("curves") or {}),
        slice_chart=_slices(report["evaluation"]),
        features=_features(report.get("data") or {}),
        most_slices=MOST_SLICES,
    )


def state_of(report: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """A node's state; that of the one which ended the run is the outcome's word."""
    failure = report["failure"]
    return str(report["outcome"] if failure and failure["node"] == node["node"] else node["state"])


def _graph(report: Mapping[str, Any]) -> Markup:
    """Nodes from left to right, each with its state and seconds."""
    nodes, graph = report["nodes"], report.get("graph")
    if not nodes or not graph:
        return Markup()
    number = {node["node"]: at for at, node in enumerate(nodes)}
    boxes = tuple(
        Box(
            number[node["node"]],
            (one_line(node["node"]), f"{state_of(report, node)}, {node['seconds']:,.1f} s"),
            tone=TONES.get(state_of(report, node), "warn"),
        )
        for node in nodes
    )
    arrows = tuple(
        Arrow(number[source], number[target])
        for source, target in graph["edges"]
        if number.get(source, len(nodes)) < number.get(target, -1)
    )
    ended = [one["node"] for one in nodes if TONES.get(state_of(report, one)) != "good"]
    told = f"{len(nodes)} nodes" + (f"; not done: {', '.join(ended)}" if ended else ", all done")
    return _drawing(
        Picture("Graph of the run", boxes, arrows), f"{told}. The table of nodes says the same."
    )


def _lineage(lineage: Mapping[str, Any] | None) -> Markup:
    if not lineage or not lineage["boxes"]:
        return Markup()
    boxes = tuple(
        Box(one["id"], tuple(map(one_line, one["lines"])), is_subject=one["is_subject"])
        for one in lineage["boxes"]
    )
    arrows = tuple(Arrow(*one) for one in lineage["arrows"])
    told = ", ".join(one.lines[0] for one in boxes)
    return _drawing(
        Picture("Lineage of what the run made", boxes, arrows), f"From left to right: {told}."
    )


def _drawing(drawn: Picture, description: str) -> Markup:
    root = parsed(by_our_layout(drawn, is_part=True))
    return inline(root, drawn.title, description, _COLOURS, kind="drawing")


def _features(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Features with their histograms."""
    found = []
    for number, one in enumerate(data.get("features", ())):
        values = one.get("values")
        what = f"most often {', '.join(values[:3])}" if values else _between(one.get("range"))
        drawn = number < MOST_FEATURES and one["now"]
        title = f"{one['name']}, now and then"
        svg = spark(one["now"], one["then"], title, f"{what}.") if drawn else Markup()
        found.append({**one, "svg": svg, "what": what})
    return found


def _between(ends: list[float] | None) -> str:
    return f"from {ends[0]:,.6g} to {ends[1]:,.6g}" if ends and None not in ends else "not known"


def _slices(evaluation: Mapping[str, Any] | None) -> Markup:
    """The worst slices by the metric that ranks them."""
    if not evaluation or not evaluation["ranked_by"]:
        return Markup()
    name = evaluation["ranked_by"]
    bars = [("all rows", evaluation["overall"].get(name))]
    bars += [
        (one["name"], one["metrics"].get(name))
        for one in evaluation["by_slice"]
        if one["is_ranked"]
    ]
    known = [(label, value) for label, value in bars[:16] if value is not None]
    return (
        bar_chart(known, f"{name} by slice, the worst first", name) if len(known) > 1 else Markup()
    )


def _curves(curves: Mapping[str, list[float | None]]) -> list[tuple[str, Markup]]:
    """Charts by metric, the train and the validation curve on one."""
    found = []
    for name in [one for one in curves if not one.startswith("val_")]:
        of_both = (("train", name), ("validation", f"val_{name}"))
        lines = [
            Line(told, [(epoch, v) for epoch, v in enumerate(curves[key], 1) if v is not None])
            for told, key in of_both
            if key in curves
        ]
        svg = line_chart(lines, f"{name} by epoch", "epoch", name)
        if svg:
            found.append((name, svg))
    return found


def _task_charts(task: Mapping[str, Any] | None) -> dict[str, Markup]:
    """Curves, calibration and residuals, as far as the task has them."""
    if not task:
        return {}
    found: dict[str, Markup] = {}
    curves = task.get("curves")
    if curves:
        chance = Line("chance", [(0, 0), (1, 1)], is_reference=True)
        roc = Line("model", [tuple(one) for one in curves["roc"]])
        found["roc"] = line_chart(
            [roc, chance],
            "ROC curve",
            "false positive rate",
            "true positive rate",
            "True positive rate over false positive rate for every threshold; a model that knows "
            "nothing is on the diagonal.",
        )
        base = Line(
            "base rate", [(0, curves["base_rate"]), (1, curves["base_rate"])], is_reference=True
        )
        of_model = Line("model", [tuple(one) for one in curves["precision_recall"]])
        found["precision_recall"] = line_chart(
            [of_model, base],
            "Precision and recall",
            "recall",
            "precision",
            f"Precision over recall for all thresholds; the base rate is {curves['base_rate']:.4f}.",
        )
    calibration = task.get("calibration")
    if calibration:
        points = [(one["predicted"], one["actual"]) for one in calibration["groups"]]
        ends = [number for point in points for number in point]
        ideal = Line("ideal", [(min(ends), min(ends)), (max(ends), max(ends))], is_reference=True)
        found["calibration"] = scatter(
            points,
            "Calibration: predicted against actual",
            "predicted",
            "actual",
            f"{len(points)} groups of rows by prediction; on the line a model is right on average.",
            ideal,
        )
    residuals = task.get("residuals")
    if residuals:
        found["residuals"] = _residuals(residuals)
    return found


def _residuals(residuals: Mapping[str, Any]) -> Markup:
    rows, reach = residuals["rows"], residuals["reach"]
    width = 2 * reach / len(rows)
    names: dict[str, float] = {}
    for number, count in enumerate(rows):
        middle = 0.0 if 2 * number + 1 == len(rows) else -reach + (number + 0.5) * width
        names[f"{middle:.3g}"] = names.get(f"{middle:.3g}", 0.0) + count
    return column_chart(list(names.items()), "Residuals", "actual - predicted", "rows")
