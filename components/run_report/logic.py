"""The report as plain values, from what a run left in ML Metadata, and its files."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from components.run_report.page import render_html
from components.run_report.sections.baselines import baselines_section
from components.run_report.sections.card import card_section, version_reasons
from components.run_report.sections.data import anomalies_section, data_section
from components.run_report.sections.evaluation import evaluation_section
from components.run_report.sections.goals import goals_section
from components.run_report.sections.graph import graph_section, lineage_section
from components.run_report.sections.known import KnownRun
from components.run_report.sections.origin import (
    config_section,
    cost_section,
    curves_section,
    environment_section,
    reproduce_section,
)
from components.run_report.sections.outcome import sentence
from taxiway.metadata.describe import describe_node
from taxiway.metadata.records import NodeRecord, run_outcome

SECTIONS: Final[Mapping[str, Callable[[KnownRun], Any]]] = {
    "graph": graph_section,
    "data": data_section,
    "anomalies": anomalies_section,
    "curves": curves_section,
    "baselines": baselines_section,
    "lineage": lineage_section,
    "cost": cost_section,
    "config_changes": config_section,
    "environment": environment_section,
    "reproduce": reproduce_section,
}
"""By key of the report: what a run that failed, or another release's files, may leave without."""


def build_report(run: KnownRun, release: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything worth knowing of a run; a part that the run did not reach is None.

    Args:
      run: what is known of it.
      release: see components/run_report/sections/release.py.
    """
    nodes = run.nodes
    failed = next((node for node in nodes if node.error_kind is not None), None)
    version = run.uri("Registrar", "model_version")
    report: dict[str, Any] = {
        "pipeline": run.pipeline,
        "run_id": run.run_id,
        "last_execution": max((node.execution_id for node in nodes), default=0),
        "outcome": run_outcome(nodes).value,
        "failure": failed and {"node": failed.node_id, "reason": failed.error},
        "seconds": round(sum(node.seconds for node in nodes), 2),
        "nodes": [_node(node) for node in nodes],
        "gate": _gate(run),
        "evaluation": evaluation_section(run),
        "infra": _infra(run),
        "card": card_section(version),
        "version": _property(run, "Registrar", "model_version", "version_name"),
        "version_reasons": version_reasons(version),
        "pushed_to": _property(run, "Pusher", "pushed_model", "pushed_destination"),
        "release": release and dict(release),
        "command": run.properties.get("command", ""),
        "config": run.properties.get("config", ""),
        "missing": {},
    }
    for name, make in SECTIONS.items():
        report[name] = _made(name, partial(make, run), report["missing"])
    report["goals"] = _made("goals", lambda: goals_section(run, report), report["missing"])
    report["sentence"] = sentence(report)
    return {key: _finite(value) for key, value in report.items()}


def _made(name: str, make: Callable[[], Any], missing: dict[str, str]) -> Any:
    """A section; None where it cannot be made, which costs the report that section alone."""
    try:
        return make()
    except Exception as error:  # of files, of the model's code, of numbers: each has its own
        logging.exception("the report's section '%s' cannot be made", name)
        missing[name] = f"{type(error).__name__}: {error}"
        return None


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
        "cpu_seconds": node.properties.get("cpu_seconds"),
        "peak_memory_bytes": node.properties.get("peak_memory_bytes"),
    }


def _gate(run: KnownRun) -> dict[str, Any] | None:
    path = Path(run.uri("DataGate", "decision")) / "decision.json"
    return json.loads(path.read_text()) if path.is_file() else None


def _infra(run: KnownRun) -> dict[str, Any] | None:
    blessing = run.output("InfraValidator", "blessing")
    if blessing is None:
        return None
    return {
        "blessed": blessing.properties.get("blessed") == 1,
        "missing": "",  # of what was recorded before isolation was
        **{key: value for key, value in blessing.properties.items() if key != "blessed"},
    }


def _property(run: KnownRun, node: str, output: str, name: str) -> Any:
    artifact = run.output(node, output)
    return artifact.properties.get(name) if artifact else None


def _finite(value: Any) -> Any:
    """JSON has no number that is none: null stands there."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
