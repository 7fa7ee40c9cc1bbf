"""One run as the index has it, from what ML Metadata knows of it and what is in its folder.

Both are asked the same way at the end of a run and when the index is made anew, so that both give
the same. Either may be gone: what is then not known is said.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from taxiway.metadata.records import NodeRecord, Outcome, artifact_of, run_outcome
from taxiway.metadata.whole_runs import WholeRun
from taxiway.registry.database.tables import written
from taxiway.registry.runs import UNFINISHED, IndexedRun
from taxiway.registry.search.text import folded
from taxiway.terminal import one_line, printable
from taxiway.tracking.run_record.files import read_record
from taxiway.tracking.run_record.record import RunRecord, flattened
from taxiway.tracking.under_way import killed_where, under_way

CONFIG_FILE: Final = "config.yaml"
COMMAND_FILE: Final = "command.txt"
REPORT_FILE: Final = "report.json"
_OPEN: Final = ("NEW", "RUNNING")
_SPANS: Final = re.compile(r"\bspans:([^,]*)")
"""In the fingerprint of examples, as ArrowExampleGen writes it."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it is there: the config of thousands of runs is read."""


def run_of(run_id: str, whole: WholeRun | None, folder: Path) -> IndexedRun:
    """A run that ML Metadata or a folder knows.

    Args:
      run_id: the run.
      whole: what ML Metadata knows; None where it does not know the run.
      folder: where the run's report, log and config are, or were.
    """
    record = read_record(folder)
    properties = whole.properties if whole else {}
    config_text = str(properties.get("config") or _text(folder / CONFIG_FILE))
    config, report = read_config(config_text), _report(folder)
    command = str(properties.get("command") or _text(folder / COMMAND_FILE)).strip()
    nodes = whole.nodes if whole else ()
    outcome, failure = _end(folder, record, nodes, report)
    made = artifact_of(nodes, "ModelVersion")
    version = made.properties.get("version_name") if made else report.get("version")
    command, spans = printable(command), _spans(nodes) or (record.data.spans if record else "")
    facts = {
        "command": command,
        "config_digest": hashlib.sha256(config_text.encode()).hexdigest() if config_text else "",
        "spans": spans,
        "report": str(folder / "report.html") if report else "",
        "lacks": _lacks(whole, folder, report, config_text),
        **_recorded(record),
    }
    found = {
        "run_id": one_line(run_id),
        "pipeline": one_line(name_of(config, "pipeline") or str(report.get("pipeline") or "")),
        "model": one_line(name_of(config, "model")),
        "outcome": outcome,
        "version": one_line(str(version or "")),
        "failure": printable(failure),
    }
    return IndexedRun(
        **found,
        started_at=_started(whole, folder),
        seconds=_seconds(whole, report),
        metrics=_metrics(report) or (dict(record.metrics) if record else {}),
        facts=facts,
        folder=printable(str(folder)),
        search_text="\n".join(map(folded, (*found.values(), spans, command))),
        params=dict(record.config) if record and record.config else flattened(_plain(config)),
        slices={one.name: dict(one.metrics) for one in record.slices} if record else {},
    )


def _recorded(record: RunRecord | None) -> dict[str, str | float]:
    """What only the run's record says, for lists; what is empty in it is left out."""
    if record is None:
        return {}
    found: dict[str, str | float] = {"runner": record.runner, "commit": record.code.commit}
    if record.cost.core_hours or record.cost.amount:
        found |= {"cost": record.cost.amount, "core_hours": record.cost.core_hours}
    return {name: value for name, value in found.items() if value != ""}


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: YAML has dates."""
    return dict(json.loads(json.dumps(config, default=str)))


def root_of(whole: WholeRun) -> str:
    """The `output.root` of a run's own config; empty where that is not known."""
    section = read_config(str(whole.properties.get("config", ""))).get("output")
    return str(section.get("root", "")) if isinstance(section, dict) else ""


def pipeline_of(whole: WholeRun) -> str:
    """The pipeline in a run's own config; empty where that is not known."""
    return name_of(read_config(str(whole.properties.get("config", ""))), "pipeline")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@functools.lru_cache(maxsize=64)  # a sweep's runs differ, but most have the config of another
def read_config(text: str) -> Mapping[str, Any]:
    """A config as a run has kept it; empty where it is none."""
    try:
        read = yaml.load(text, Loader=_LOADER)  # noqa: S506  # a safe one
    except yaml.YAMLError:
        return {}
    return read if isinstance(read, dict) else {}


def _report(folder: Path) -> Mapping[str, Any]:
    try:
        read = json.loads(_text(folder / REPORT_FILE))
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def name_of(config: Mapping[str, Any], section: str) -> str:
    """The `name` in a section of a config that was read back; empty where it has none."""
    found = config.get(section)
    return str(found.get("name") or "") if isinstance(found, dict) else ""


def _end(
    folder: Path, record: RunRecord | None, nodes: Any, report: Mapping[str, Any]
) -> tuple[str, str]:
    """Outcome and failure: as they are on record, or as they look from here."""
    if record is not None and record.outcome != UNFINISHED:
        return record.outcome, record.reason
    if under_way(folder) is False:
        return Outcome.KILLED.value, killed_where(folder)
    return _outcome(nodes, report), _failure(nodes, report)


def _outcome(nodes: Any, report: Mapping[str, Any]) -> str:
    if nodes:
        return UNFINISHED if _open(nodes) else run_outcome(nodes).value
    return str(report.get("outcome") or UNFINISHED)


def _open(nodes: Any) -> list[NodeRecord]:
    return [node for node in nodes if node.state in _OPEN and node.error_kind is None]


def _failure(nodes: Any, report: Mapping[str, Any]) -> str:
    failed = next((node for node in nodes if node.error_kind is not None), None)
    if failed is not None:
        return f"{failed.node_id}: {failed.error}"
    if _open(nodes):
        return f"{_open(nodes)[0].node_id}: it is under way, or was killed"
    told = None if nodes else report.get("failure")
    return f"{told.get('node')}: {told.get('reason')}" if isinstance(told, dict) else ""


def _spans(nodes: Any) -> str:
    examples = artifact_of(nodes, "Examples")
    if examples is None:
        return ""
    found = _SPANS.search(str(examples.properties.get("input_fingerprint", "")))
    return found[1] if found else str(examples.properties.get("span", ""))


def _metrics(report: Mapping[str, Any]) -> dict[str, float]:
    evaluation = report.get("evaluation")
    overall = evaluation.get("overall") if isinstance(evaluation, dict) else None
    return {
        name: float(value)
        for name, value in (overall or {}).items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _seconds(whole: WholeRun | None, report: Mapping[str, Any]) -> float:
    if whole is not None:
        return round(whole.ended - whole.started, 3)
    return float(report.get("seconds") or 0.0)


def _started(whole: WholeRun | None, folder: Path) -> str:
    """Without ML Metadata it is when the run wrote down its config, before anything else."""
    if whole is not None:
        return written(whole.started)
    try:
        return written((folder / CONFIG_FILE).stat().st_mtime)
    except OSError:
        return ""


def _lacks(
    whole: WholeRun | None, folder: Path, report: Mapping[str, Any], config_text: str
) -> list[str]:
    """What is not known of a run, each with its reason."""
    found = []
    if whole is None:
        found.append("ML Metadata does not know it: no spans, and the times are those of its files")
    elif not whole.nodes:
        found.append("no node of it is on record")
    if not folder.is_dir():
        found.append("its folder is gone: no metrics")
    elif not report:
        found.append(f"it has no {REPORT_FILE}: no metrics")
    if not config_text:
        found.append("no config: pipeline and model are not known")
    return found
