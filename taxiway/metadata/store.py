"""The store of runs: every query of ML Metadata that Taxiway needs, as one typed method each.

A process has one store (`run_store`) and opens it once. Each method is whole and may be repeated:
where the store is a server that was away, it connects anew and asks again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from google.protobuf import json_format
from ml_metadata import MetadataStore, proto

from taxiway.metadata.connection import Metadata
from taxiway.metadata.patience import patiently
from taxiway.metadata.records import ArtifactRecord, ErrorKind, NodeRecord
from taxiway.process.usage import CPU_PROPERTY, MEMORY_PROPERTY, Usage

RUN_CONTEXT: Final = "pipeline_run"
NODE_CONTEXT: Final = "node"
ERROR_PROPERTY: Final = "error"
ERROR_KIND_PROPERTY: Final = "error_kind"
GIVEN_UP_PROPERTY: Final = "given_up"
OPEN_STATES: Final = (proto.Execution.NEW, proto.Execution.RUNNING)

P = ParamSpec("P")
T = TypeVar("T")


def _patient(
    method: Callable[Concatenate[RunStore, P], T],
) -> Callable[Concatenate[RunStore, P], T]:
    @functools.wraps(method)
    def patient(self: RunStore, *args: P.args, **kwargs: P.kwargs) -> T:
        return patiently(lambda: method(self, *args, **kwargs), self.metadata, self.disconnect)

    return cast("Callable[Concatenate[RunStore, P], T]", patient)


class RunStore:
    """ML Metadata as Taxiway asks it, on one connection; see `run_store`.

    Args:
      metadata: the config's section of that name.
    """

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata

    @functools.cached_property
    def mlmd(self) -> MetadataStore:
        """MLMD's own client, connected when it is first asked."""
        return MetadataStore(self.metadata.connection())

    def open(self) -> None:
        """Connects now, so that a store that cannot be used is known before a run begins.

        Raises:
          TaxiwayError: it cannot be used, or has not answered for as long as it may be away.
        """
        patiently(lambda: self.mlmd, self.metadata)

    def disconnect(self) -> None:
        """Drops the connection; the next question makes another."""
        self.__dict__.pop("mlmd", None)

    @_patient
    def nodes(self, run_id: str) -> list[NodeRecord]:
        """The newest execution of each node of a run, oldest first; empty for an unknown run.

        A node may have more than one: an importer registers anew when it is tried again.
        """
        context = self._context(run_id)
        if context is None:
            return []
        records = _node_records(self.mlmd, self.mlmd.get_executions_by_context(context.id))
        newest = {record.node_id: record for record in records}
        return sorted(newest.values(), key=lambda record: record.execution_id)

    def node(self, run_id: str, node_id: str) -> NodeRecord | None:
        """The newest execution of a node in a run; None where it has no record, being skipped."""
        found = [record for record in self.nodes(run_id) if record.node_id == node_id]
        return found[0] if found else None

    @_patient
    def properties(self, run_id: str) -> dict[str, Any]:
        """What was written on the run's context: resolved config, command line."""
        context = self._context(run_id)
        return {} if context is None else properties_of(context.custom_properties)

    @_patient
    def write_properties(self, run_id: str, values: Mapping[str, str]) -> None:
        """Writes strings on the run's context.

        Raises:
          KeyError: the store does not know the run.
        """
        context = self._context(run_id)
        if context is None:
            raise KeyError(run_id)
        for key, value in values.items():
            context.custom_properties[key].string_value = value
        self.mlmd.put_contexts([context])

    @_patient
    def close(self, run_id: str, node_id: str, error: str, kind: ErrorKind) -> None:
        """Ends a node's executions that a failure left open, and keeps the reason with them."""
        context = self._context(run_id)
        if context is None:
            return
        for execution in self.mlmd.get_executions_by_context(context.id):
            if node_of(self.mlmd, execution) != node_id:
                continue
            if execution.last_known_state in OPEN_STATES:
                interrupted = kind is ErrorKind.INTERRUPTED
                execution.last_known_state = (
                    proto.Execution.CANCELED if interrupted else proto.Execution.FAILED
                )
            if execution.last_known_state in (proto.Execution.CANCELED, proto.Execution.FAILED):
                execution.custom_properties[ERROR_PROPERTY].string_value = error
                execution.custom_properties[ERROR_KIND_PROPERTY].string_value = kind.value
                self.mlmd.put_executions([execution])

    @_patient
    def open_nodes(self, run_id: str) -> list[NodeRecord]:
        """Executions of a run that no one has ended, though whoever worked on them may be dead."""
        context = self._context(run_id)
        if context is None:
            return []
        executions = self.mlmd.get_executions_by_context(context.id)
        return _node_records(
            self.mlmd, [one for one in executions if one.last_known_state in OPEN_STATES]
        )

    @_patient
    def record_failure(self, run_id: str, node_id: str, error: str, kind: ErrorKind) -> None:
        """Records the end of a node that died before it could register an execution."""
        context_type = self.mlmd.put_context_type(
            proto.ContextType(name=RUN_CONTEXT), can_omit_fields=True, can_add_fields=True
        )
        context = self._context(run_id)
        if context is None:
            context = proto.Context(type_id=context_type, name=run_id)
            (context.id,) = self.mlmd.put_contexts([context])
        execution_type = self.mlmd.put_execution_type(
            proto.ExecutionType(name=node_id), can_omit_fields=True, can_add_fields=True
        )
        state = (
            proto.Execution.CANCELED if kind is ErrorKind.INTERRUPTED else proto.Execution.FAILED
        )
        execution = proto.Execution(type_id=execution_type, last_known_state=state)
        execution.custom_properties[ERROR_PROPERTY].string_value = error
        execution.custom_properties[ERROR_KIND_PROPERTY].string_value = kind.value
        (execution.id,) = self.mlmd.put_executions([execution])
        self.mlmd.put_attributions_and_associations(
            [], [proto.Association(execution_id=execution.id, context_id=context.id)]
        )

    @_patient
    def add_usage(self, execution_id: int, usage: Usage) -> None:
        """Writes on an execution what it has cost, beside what an earlier attempt did."""
        (execution,) = self.mlmd.get_executions_by_id([execution_id])
        values = execution.custom_properties
        values[CPU_PROPERTY].double_value += usage.cpu_seconds
        peak = max(values[MEMORY_PROPERTY].int_value, usage.peak_memory_bytes)
        values[MEMORY_PROPERTY].int_value = peak
        self.mlmd.put_executions([execution])

    @_patient
    def reopen(self, execution_id: int) -> None:
        """Marks an execution as running once more, with nothing of how it ended before."""
        (execution,) = self.mlmd.get_executions_by_id([execution_id])
        execution.last_known_state = proto.Execution.RUNNING
        for key in (ERROR_PROPERTY, ERROR_KIND_PROPERTY, GIVEN_UP_PROPERTY):
            execution.custom_properties.pop(key, None)
        self.mlmd.put_executions([execution])

    @_patient
    def give_up(self, run_id: str, node_id: str) -> None:
        """Marks a node that failed as one that is not tried again, until `allow_attempts`."""
        context = self._context(run_id)
        for execution in self.mlmd.get_executions_by_context(context.id) if context else ():
            if (
                execution.last_known_state == proto.Execution.FAILED
                and node_of(self.mlmd, execution) == node_id
            ):
                execution.custom_properties[GIVEN_UP_PROPERTY].int_value = 1
                self.mlmd.put_executions([execution])

    @_patient
    def allow_attempts(self, run_id: str) -> None:
        """Takes back every `give_up` of a run that has ended: whoever retries it means to."""
        context = self._context(run_id)
        for execution in self.mlmd.get_executions_by_context(context.id) if context else ():
            if GIVEN_UP_PROPERTY in execution.custom_properties:
                del execution.custom_properties[GIVEN_UP_PROPERTY]
                self.mlmd.put_executions([execution])

    def _context(self, run_id: str) -> Any:
        return self.mlmd.get_context_by_type_and_name(RUN_CONTEXT, run_id)


@functools.lru_cache
def run_store(metadata: Metadata) -> RunStore:
    """The one store of this process for a `metadata` section."""
    return RunStore(metadata)


def node_of(store: MetadataStore, execution: Any) -> str:
    """The node that an execution is of, by its context; of one that has none, by its type."""
    contexts = store.get_contexts_by_execution(execution.id)
    nodes = [context.name for context in contexts if context.type == NODE_CONTEXT]
    return str(nodes[0].rpartition(".")[2]) if nodes else str(execution.type)


def contexts_of(store: MetadataStore, contexts: Iterable[Any]) -> dict[int, list[int]]:
    """Which of some contexts each execution is in, by their ids: a call for each context.

    A search of lineage would say it in fewer, but MLMD has lost its filters with ZetaSQL.
    """
    found: dict[int, list[int]] = {}
    for context in contexts:
        for execution in store.get_executions_by_context(context.id):
            found.setdefault(execution.id, []).append(context.id)
    return found


def _node_records(store: MetadataStore, executions: Sequence[Any]) -> list[NodeRecord]:
    """Records of executions, oldest first; few calls, since a server may be far away."""
    outputs = outputs_of(store, [one.id for one in executions])
    return [
        node_record(node_of(store, execution), execution, outputs.get(execution.id, {}))
        for execution in sorted(executions, key=lambda one: one.id)
    ]


def node_record(
    node_id: str, execution: Any, outputs: Mapping[str, tuple[ArtifactRecord, ...]]
) -> NodeRecord:
    """An execution of MLMD's as a record."""
    own = properties_of(execution.custom_properties)
    seconds = execution.last_update_time_since_epoch - execution.create_time_since_epoch
    return NodeRecord(
        node_id=node_id,
        execution_id=execution.id,
        state=proto.Execution.State.Name(execution.last_known_state),
        seconds=seconds / 1000.0,
        outputs=outputs,
        properties=own,
        error=own.get(ERROR_PROPERTY, ""),
        error_kind=ErrorKind(own[ERROR_KIND_PROPERTY]) if ERROR_KIND_PROPERTY in own else None,
        given_up=bool(own.get(GIVEN_UP_PROPERTY)),
    )


def outputs_of(
    store: MetadataStore, execution_ids: Sequence[int]
) -> dict[int, dict[str, tuple[ArtifactRecord, ...]]]:
    """What each execution put out, by execution and key."""
    events = [
        event
        for event in (store.get_events_by_execution_ids(execution_ids) if execution_ids else ())
        if event.type in (proto.Event.OUTPUT, proto.Event.DECLARED_OUTPUT)
    ]
    wanted = sorted({event.artifact_id for event in events})
    artifacts = {one.id: one for one in (store.get_artifacts_by_id(wanted) if wanted else ())}
    found: dict[int, dict[str, tuple[ArtifactRecord, ...]]] = {}
    for event in events:
        outputs = found.setdefault(event.execution_id, {})
        key = next((step.key for step in event.path.steps if step.key), "output")
        outputs[key] = (*outputs.get(key, ()), artifact_record(artifacts[event.artifact_id]))
    return found


def artifact_record(artifact: Any) -> ArtifactRecord:
    """MLMD's artifact as a plain value."""
    properties = properties_of(artifact.properties) | properties_of(artifact.custom_properties)
    live = artifact.state == proto.Artifact.LIVE
    return ArtifactRecord(artifact.id, artifact.type, artifact.uri, properties, live)


def properties_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """MLMD values as Python ones; a struct becomes a dict."""
    found = {}
    for key, value in values.items():
        kind = value.WhichOneof("value")
        if kind == "struct_value":
            found[key] = json_format.MessageToDict(value.struct_value)
        elif kind is not None:
            found[key] = getattr(value, kind)
    return found
