"""Finds a run by what went into it, and records it once more where nothing is to be done."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, Final

from ml_metadata import proto

from taxiway.metadata.store import RUN_CONTEXT, RunStore
from taxiway.process.usage import CPU_PROPERTY, MEMORY_PROPERTY

COPIED_CONTEXTS: Final = ("pipeline", "node", "execution_cache")
INPUT_CONTEXT: Final = "run_input"
"""A type of contexts named after a digest of what goes into runs; MLMD 1.21 finds by name only."""
RUN_PROPERTY: Final = "run_id"


def run_of_input(runs: RunStore, digest: str) -> str | None:
    """The newest run that `remember_run` recorded with this digest."""
    known = runs.mlmd.get_context_by_type_and_name(INPUT_CONTEXT, digest)
    return None if known is None else str(known.custom_properties[RUN_PROPERTY].string_value)


def remember_run(runs: RunStore, digest: str, run_id: str) -> None:
    """Has `run_of_input` find this run, in place of one before it."""
    context = runs.mlmd.get_context_by_type_and_name(INPUT_CONTEXT, digest)
    if context is None:
        type_id = runs.mlmd.put_context_type(proto.ContextType(name=INPUT_CONTEXT))
        context = proto.Context(type_id=type_id, name=digest)
    context.custom_properties[RUN_PROPERTY].string_value = run_id
    runs.mlmd.put_contexts([context])


def repeat_run(
    runs: RunStore, earlier: str, run_id: str, never_cached: Collection[str] = ()
) -> None:
    """Gives a run an execution for each of an earlier one's, with the same inputs and outputs.

    They are as those that TFX registers where it finds an output in its cache. The run has all of
    them or, where the store fails in between, none.

    Args:
      runs: knows both.
      earlier: the run whose executions are repeated; all of them have ended well.
      run_id: has none yet.
      never_cached: types of executions that keep their state, since TFX runs them each time.
    """
    source, target = (
        runs.mlmd.get_context_by_type_and_name(RUN_CONTEXT, name) for name in (earlier, run_id)
    )
    executions = sorted(runs.mlmd.get_executions_by_context(source.id), key=lambda one: one.id)
    copies = [_copy(one, one.type in never_cached) for one in executions]
    ids = dict(zip((one.id for one in executions), runs.mlmd.put_executions(copies), strict=True))
    events = [_event(one, ids) for one in runs.mlmd.get_events_by_execution_ids(list(ids))]
    runs.mlmd.put_events(events)
    contexts = {
        old: [
            one.id
            for one in runs.mlmd.get_contexts_by_execution(old)
            if one.type in COPIED_CONTEXTS
        ]
        for old in ids
    }
    runs.mlmd.put_attributions_and_associations(
        [
            proto.Attribution(artifact_id=artifact, context_id=target.id)
            for artifact in sorted({event.artifact_id for event in events})
        ],
        [
            proto.Association(execution_id=new, context_id=context)
            for old, new in ids.items()
            for context in (*contexts[old], target.id)
        ],
    )


def _copy(execution: Any, keeps_state: bool) -> Any:
    copy = proto.Execution(
        type_id=execution.type_id,
        name=str(uuid.uuid4()),  # as TFX's; a second try of the same call is then refused
        last_known_state=execution.last_known_state if keeps_state else proto.Execution.CACHED,
        properties=execution.properties,
        custom_properties=execution.custom_properties,
    )
    for paid_before in (CPU_PROPERTY, MEMORY_PROPERTY):
        copy.custom_properties.pop(paid_before, None)
    return copy


def _event(event: Any, ids: dict[int, int]) -> Any:
    copy = proto.Event()
    copy.CopyFrom(event)
    copy.execution_id = ids[event.execution_id]
    copy.ClearField("milliseconds_since_epoch")
    return copy
