"""Whole runs in a few questions to ML Metadata for each: for the index of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from taxiway.metadata.patience import patiently
from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import (
    NODE_CONTEXT,
    RUN_CONTEXT,
    RunStore,
    contexts_of,
    node_of,
    node_record,
    outputs_of,
    properties_of,
)

EXIT_SUFFIX: Final = "-exit"
"""Of the run of an exit pipeline, which is no run of its own."""
AT_ONCE: Final = 100
"""Executions whose outputs are asked for in one question."""


@dataclass(frozen=True)
class WholeRun:
    """All that ML Metadata knows of a run."""

    run_id: str
    started: float
    """Seconds since the epoch."""
    ended: float
    """When the last of its nodes was written; its start, where it has none."""
    properties: Mapping[str, Any]
    """Resolved config and command line."""
    nodes: Sequence[NodeRecord]
    """The newest execution of each node, oldest first."""


def whole_run(runs: RunStore, run_id: str) -> WholeRun | None:
    """One run; None where the store does not know it."""

    def read() -> WholeRun | None:
        context = runs.mlmd.get_context_by_type_and_name(RUN_CONTEXT, run_id)
        if context is None:
            return None
        executions = runs.mlmd.get_executions_by_context(context.id)
        node_ids = {one.id: node_of(runs.mlmd, one) for one in executions}
        return _whole(context, executions, node_ids, _outputs(runs, executions))

    return patiently(read, runs.metadata, runs.disconnect)


def whole_runs(runs: RunStore) -> list[WholeRun]:
    """Every run, oldest first."""

    def read() -> list[WholeRun]:
        nodes = runs.mlmd.get_contexts_by_type(NODE_CONTEXT)
        names = {one.id: one.name.rpartition(".")[2] for one in nodes}
        of_node = contexts_of(runs.mlmd, nodes)
        found = []
        for context in runs.mlmd.get_contexts_by_type(RUN_CONTEXT):
            if context.name.endswith(EXIT_SUFFIX):
                continue
            own = runs.mlmd.get_executions_by_context(context.id)
            ids = {
                one.id: names[of_node[one.id][0]] if one.id in of_node else str(one.type)
                for one in own
            }
            found.append(_whole(context, own, ids, _outputs(runs, own)))
        return sorted(found, key=lambda run: (run.started, run.run_id))

    return patiently(read, runs.metadata, runs.disconnect)


def _outputs(runs: RunStore, executions: Sequence[Any]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for part in _parts(executions):
        found |= outputs_of(runs.mlmd, [one.id for one in part])
    return found


def _parts(executions: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(executions), AT_ONCE):
        yield executions[begin : begin + AT_ONCE]


def _whole(
    context: Any,
    executions: Sequence[Any],
    node_ids: Mapping[int, str],
    outputs: Mapping[int, Any],
) -> WholeRun:
    ordered = sorted(executions, key=lambda one: one.id)
    records = [node_record(node_ids[one.id], one, outputs.get(one.id, {})) for one in ordered]
    newest = {record.node_id: record for record in records}
    started = context.create_time_since_epoch
    ended = max((one.last_update_time_since_epoch for one in ordered), default=started)
    return WholeRun(
        context.name,
        started / 1000.0,
        max(started, ended) / 1000.0,
        properties_of(context.custom_properties),
        sorted(newest.values(), key=lambda record: record.execution_id),
    )
