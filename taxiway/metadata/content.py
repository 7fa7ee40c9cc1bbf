"""Everything that ML Metadata holds of artifacts, executions and events, in a few calls.

One call each for artifacts, executions, events and two types of contexts, whatever the number of
runs, and one for each run and each node, which says what belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ml_metadata import proto

from taxiway.metadata.patience import patiently
from taxiway.metadata.records import EventRecord, ExecutionRecord, RunRecord, StoreContent
from taxiway.metadata.store import (
    NODE_CONTEXT,
    RUN_CONTEXT,
    RunStore,
    artifact_record,
    contexts_of,
    node_of,
    properties_of,
)

INPUTS: Final = (proto.Event.INPUT, proto.Event.DECLARED_INPUT)
OUTPUTS: Final = (proto.Event.OUTPUT, proto.Event.DECLARED_OUTPUT)
"""Not the internal ones: a resolver finds what it puts out, and has had no part in making it."""
_EVENTS_AT_ONCE: Final = 5_000
"""Executions; their ids go into one statement of SQL."""


def read_content(runs: RunStore) -> StoreContent:
    """All artifacts, executions, events and runs of a store.

    Raises:
      TaxiwayError: the store cannot be used, or does not answer.
    """
    return patiently(lambda: _read(runs.mlmd), runs.metadata, runs.disconnect)


def run_content(runs: RunStore, run_id: str) -> StoreContent:
    """The same of one run alone: its executions, and the artifacts that they took and put out.

    Raises:
      TaxiwayError: the store cannot be used, or does not answer.
    """
    return patiently(lambda: _read_run(runs.mlmd, run_id), runs.metadata, runs.disconnect)


def _read_run(store: Any, run_id: str) -> StoreContent:
    context = store.get_context_by_type_and_name(RUN_CONTEXT, run_id)
    executions = _by_id(store.get_executions_by_context(context.id)) if context else []
    events = [event for some in _events(store, [one.id for one in executions]) for event in some]
    wanted = sorted({event.artifact_id for event in events})
    artifacts = _by_id(store.get_artifacts_by_id(wanted) if wanted else ())
    return StoreContent(
        artifacts={one.id: artifact_record(one) for one in artifacts},
        executions={
            one.id: _execution(one, (0,), {}, {0: node_of(store, one)}) for one in executions
        },
        events=events,
        runs={},
    )


def _read(store: Any) -> StoreContent:
    executions = _by_id(store.get_executions())
    ids = [one.id for one in executions]
    events = [event for some in _events(store, ids) for event in some]
    artifacts = _by_id(store.get_artifacts())  # after the events: a run may be going on
    runs = {one.id: one for one in _by_id(store.get_contexts_by_type(RUN_CONTEXT))}
    of_nodes = _by_id(store.get_contexts_by_type(NODE_CONTEXT))
    nodes = {one.id: one.name for one in of_nodes}
    contexts = contexts_of(store, [*runs.values(), *of_nodes])
    return StoreContent(
        artifacts={one.id: artifact_record(one) for one in artifacts},
        executions={
            one.id: _execution(one, contexts.get(one.id, ()), runs, nodes) for one in executions
        },
        events=events,
        runs={
            one.name: RunRecord(
                one.name, one.create_time_since_epoch, properties_of(one.custom_properties)
            )
            for one in runs.values()
        },
    )


def _by_id(nodes: Iterable[Any]) -> list[Any]:
    return sorted(nodes, key=lambda one: one.id)  # databases give them in any order


def _events(store: Any, ids: Sequence[int]) -> Iterable[Iterable[EventRecord]]:
    for start in range(0, len(ids), _EVENTS_AT_ONCE):
        found = store.get_events_by_execution_ids(ids[start : start + _EVENTS_AT_ONCE])
        yield (
            EventRecord(
                event.execution_id,
                event.artifact_id,
                event.type in INPUTS,
                _keys(event.path.steps),
            )
            for event in sorted(found, key=lambda one: (one.execution_id, one.artifact_id))
            if event.type in INPUTS or event.type in OUTPUTS
        )


def _keys(steps: Iterable[Any]) -> tuple[str, ...]:
    """A component's own names of an artifact first.

    What decides whether a node runs is given to it too, as `_Evaluator.blessing`, and TFX writes
    the names of one artifact in any order.
    """
    keys = (step.key for step in steps if step.key)
    return tuple(sorted(keys, key=lambda key: (key.startswith("_"), key)))


def _execution(
    execution: Any, contexts: Iterable[int], runs: Mapping[int, Any], nodes: Mapping[int, str]
) -> ExecutionRecord:
    run = next((runs[one].name for one in contexts if one in runs), "")
    node = next((nodes[one] for one in contexts if one in nodes), "")
    return ExecutionRecord(
        id=execution.id,
        type=execution.type,
        node_id=node.rpartition(".")[2] or execution.type.rpartition(".")[2],
        run_id=run,
        state=proto.Execution.State.Name(execution.last_known_state),
        started_ms=execution.create_time_since_epoch,
        properties=properties_of(execution.custom_properties),
    )
