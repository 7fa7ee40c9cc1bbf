"""Whole runs in a few questions to ML Metadata, however many there are: for the index of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ml_metadata.proto import metadata_store_pb2

from taxiway.metadata.patience import patiently
from taxiway.metadata.records import NodeRecord
from taxiway.metadata.store import (
    NODE_CONTEXT,
    RUN_CONTEXT,
    RunStore,
    node_record,
    outputs_of,
    properties_of,
)

EXIT_SUFFIX: Final = "-exit"
"""Of the run of an exit pipeline, which is no run of its own."""
AT_ONCE: Final = 100
"""Executions that MLMD takes as the start of one question about lineage."""


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
        return _whole(
            context, executions, _members(runs, executions).node_ids, _outputs(runs, executions)
        )

    return patiently(read, runs.metadata, runs.disconnect)


def whole_runs(runs: RunStore) -> list[WholeRun]:
    """Every run, oldest first."""

    def read() -> list[WholeRun]:
        contexts = runs.mlmd.get_contexts_by_type(RUN_CONTEXT)
        executions = {one.id: one for one in runs.mlmd.get_executions()}
        members = _members(runs, list(executions.values()))
        found = []
        outputs = _outputs(runs, list(executions.values()))
        for context in contexts:
            if not context.name.endswith(EXIT_SUFFIX):
                own = [executions[one] for one in members.of_run.get(context.id, ())]
                found.append(_whole(context, own, members.node_ids, outputs))
        return sorted(found, key=lambda run: (run.started, run.run_id))

    return patiently(read, runs.metadata, runs.disconnect)


@dataclass(frozen=True)
class _Members:
    """What executions belong to."""

    node_ids: Mapping[int, str]
    """By execution."""
    of_run: Mapping[int, Sequence[int]]
    """Executions, by the run's context."""


def _members(runs: RunStore, executions: Sequence[Any]) -> _Members:
    node_ids = {one.id: str(one.type) for one in executions}  # of one that has no context of a node
    of_run: dict[int, list[int]] = {}
    for part in _parts(executions):
        query = metadata_store_pb2.LineageSubgraphQueryOptions(max_num_hops=0)
        query.starting_executions.filter_query = f"id IN ({', '.join(str(one.id) for one in part)})"
        graph = runs.mlmd.get_lineage_subgraph(query, ["contexts", "associations"])
        contexts = {context.id: context for context in graph.contexts}
        for one in graph.associations:
            context = contexts[one.context_id]
            if context.type == NODE_CONTEXT:
                node_ids[one.execution_id] = str(context.name.rpartition(".")[2])
            elif context.type == RUN_CONTEXT:
                of_run.setdefault(one.context_id, []).append(one.execution_id)
    return _Members(node_ids, of_run)


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
