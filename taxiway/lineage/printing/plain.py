"""A lineage as plain values, for `--json`: the whole of it, whatever the text leaves out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from taxiway.lineage.collect import Lineage
from taxiway.lineage.graph import Reached
from taxiway.lineage.printing.describe import plain_run
from taxiway.metadata.records import EventRecord


def as_plain(lineage: Lineage) -> dict[str, Any]:
    """Artifacts and executions by id; `backwards` and `forwards` list those that were reached."""
    graph = lineage.graph
    reached = [one for one in (lineage.backwards, lineage.forwards) if one is not None]
    executions = {execution for one in reached for execution in one.executions}
    makers = {artifact: graph.maker(artifact) for artifact in lineage.artifacts}
    executions |= {maker.id for maker in makers.values() if maker is not None}
    made = set(graph.forwards(lineage.starts, through_baselines=False).artifacts)
    return {
        "subject": lineage.subject,
        "kind": lineage.kind,
        "starts": list(lineage.starts),
        "backwards": _reached(lineage.backwards),
        "forwards": _reached(lineage.forwards),
        "beside": list(lineage.beside),
        "pushed_again": list(lineage.pushed_again),
        "missing": lineage.missing,
        "version": asdict(lineage.version) if lineage.version else None,
        "artifacts": [
            {
                **asdict(graph.content.artifacts[artifact]),
                "made_by": maker.id if maker else None,
            }
            for artifact, maker in makers.items()
        ],
        "executions": [_execution(lineage, one) for one in sorted(executions)],
        "runs": [plain_run(run) for run in lineage.runs],
        "versions": [
            {
                "artifact": artifact,
                "only_compared": lineage.forwards is not None and artifact not in made,
                **asdict(lineage.versions[artifact]),
            }
            for artifact in lineage.artifacts
            if artifact in lineage.versions
        ],
    }


def _reached(found: Reached | None) -> dict[str, list[int]] | None:
    if found is None:
        return None
    return {"artifacts": list(found.artifacts), "executions": list(found.executions)}


def _execution(lineage: Lineage, execution: int) -> dict[str, Any]:
    record = lineage.graph.content.executions[execution]
    return {
        **{key: value for key, value in asdict(record).items() if key != "properties"},
        "container": {
            key: value for key, value in record.properties.items() if key.startswith("container_")
        },
        "inputs": [_event(one) for one in lineage.graph.inputs.get(execution, ())],
        "outputs": [_event(one) for one in lineage.graph.outputs.get(execution, ())],
    }


def _event(event: EventRecord) -> dict[str, Any]:
    return {"artifact": event.artifact_id, "keys": list(event.keys)}
