"""The report as plain values, from what a run left in ML Metadata, and as one HTML page."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from components.run_report.card import card_section
from components.run_report.task import class_names, task_section
from taxiway.evaluation.ranking import Ranking
from taxiway.evaluation.results import (
    OVERALL,
    blessing_reasons,
    read_metrics,
    worst_slices,
)
from taxiway.metadata.describe import UNUSABLE_BASELINE, describe_node, format_metric
from taxiway.metadata.records import NodeRecord, run_outcome
from taxiway.modeling.spec import Task
from taxiway.terminal import printable

WORST_SLICES = 5


def build_report(
    pipeline: str,
    run_id: str,
    nodes: Sequence[NodeRecord],
    properties: Mapping[str, Any],
    ranking: Ranking,
    task: Task | None = None,
    release: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything worth knowing of a run; a part that the run did not reach is None.

    Args:
      pipeline: its name.
      run_id: the run.
      nodes: its newest executions, as the run store has them.
      properties: what is on record of the run itself.
      ranking: how the worst slices are found.
      task: of the model; None where it cannot be known any more.
      release: see components/run_report/release.py.
    """
    newest = {node.node_id: node for node in nodes}
    failed = next((node for node in nodes if node.error_kind is not None), None)
    return {
        "pipeline": pipeline,
        "run_id": run_id,
        "last_execution": max((node.execution_id for node in nodes), default=0),
        "outcome": run_outcome(nodes).value,
        "failure": failed and {"node": failed.node_id, "reason": failed.error},
        "seconds": round(sum(node.seconds for node in nodes), 2),
        "nodes": [_node(node) for node in nodes],
        "gate": _gate(newest.get("DataGate")),
        "evaluation": _evaluation(
            newest.get("Evaluator"), ranking, _class_names(task, newest.get("Transform"))
        ),
        "infra": _infra(newest.get("InfraValidator")),
        "card": card_section(_uri(newest.get("Registrar"), "model_version")),
        "version": _property(newest.get("Registrar"), "model_version", "version_name"),
        "pushed_to": _property(newest.get("Pusher"), "pushed_model", "pushed_destination"),
        "release": release and dict(release),
        "command": properties.get("command", ""),
        "config": properties.get("config", ""),
    }


def render_html(report: Mapping[str, Any]) -> str:
    """The report as one self-contained page; every value is escaped and printable."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.filters["metric"] = format_metric
    environment.filters["short"] = _short
    return environment.get_template("report.html.j2").render(report=report)


def _short(number: float) -> str:
    """A tick of an axis."""
    return f"{number:.3g}" if abs(number) >= 1e6 else f"{number:,.10g}"


def write_report(report: Mapping[str, Any], *folders: Path) -> None:
    """Writes report.json and report.html to each folder, each file whole or not at all."""
    texts = {
        "report.html": render_html(report),
        "report.json": json.dumps(report, indent=2, sort_keys=True),
    }
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            temporary = folder / f".{name}.tmp"
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(folder / name)


def _node(node: NodeRecord) -> dict[str, Any]:
    return {
        "node": node.node_id,
        "state": node.state.lower(),
        "seconds": round(node.seconds, 2),
        "made": node.error or describe_node(node),
    }


def _gate(node: NodeRecord | None) -> dict[str, Any] | None:
    decision = node.output("decision") if node else None
    path = Path(decision.uri) / "decision.json" if decision else None
    return json.loads(path.read_text()) if path and path.is_file() else None


def _class_names(task: Task | None, transform: NodeRecord | None) -> Sequence[str]:
    """Names of the classes by number; none where Transform's vocabulary has them and is gone."""
    graph = transform.output("transform_graph") if transform else None
    try:
        return class_names(task, graph.uri if graph else "") if task else ()
    except Exception:  # of files, of TensorFlow or of the model's code: the report is made without
        logging.exception("the names of the classes are not known")
        return ()


def _evaluation(
    node: NodeRecord | None, ranking: Ranking, names: Sequence[str]
) -> dict[str, Any] | None:
    evaluation = node.output("evaluation") if node else None
    blessing = node.output("blessing") if node else None
    if evaluation is None or blessing is None:
        return None
    slices = read_metrics(evaluation.uri)
    whole = next((item for item in slices if item.name == OVERALL), None)
    return {
        "blessed": blessing.properties.get("blessed") == 1,
        "baseline": bool(blessing.properties.get("baseline_model_id")),
        "unusable_baseline": str(evaluation.properties.get(UNUSABLE_BASELINE, "")),
        "reasons": blessing_reasons(evaluation.uri),
        "overall": whole.shown() if whole else {},
        "change": whole.change if whole else {},
        "worst_slices": [
            {"name": item.name, "metrics": item.shown()}
            for item in worst_slices(slices, ranking, WORST_SLICES)
        ],
        "ranked_by": ranking.metric,
        "slices": len(slices) - (1 if whole else 0),
        "task": task_section(evaluation.uri, names),
    }


def _infra(node: NodeRecord | None) -> dict[str, Any] | None:
    blessing = node.output("blessing") if node else None
    if blessing is None:
        return None
    return {
        "blessed": blessing.properties.get("blessed") == 1,
        "missing": "",  # of what was recorded before isolation was
        **{key: value for key, value in blessing.properties.items() if key != "blessed"},
    }


def _property(node: NodeRecord | None, output: str, name: str) -> Any:
    artifact = node.output(output) if node else None
    return artifact.properties.get(name) if artifact else None


def _uri(node: NodeRecord | None, output: str) -> str:
    artifact = node.output(output) if node else None
    return artifact.uri if artifact else ""
