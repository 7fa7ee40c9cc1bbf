"""What ML Metadata knows of a run, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

DONE_STATES: Final = ("COMPLETE", "CACHED")
"""Of a NodeRecord: its outputs are there."""


class ErrorKind(Enum):
    """Why a node did not end well."""

    FAILED = "failed"
    STOPPED = "stopped"
    """A gate stopped the run, as its config says it should."""
    INTERRUPTED = "interrupted"
    KILLED = "killed"
    """Its process went without a word: by kill -9, for want of memory, or with its machine."""


class Outcome(Enum):
    """How a run ended: well, or as its failed node did."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    KILLED = "killed"


@dataclass(frozen=True)
class ArtifactRecord:
    """One artifact a node put out."""

    id: int
    type: str
    uri: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    live: bool = True
    """Whether it was published and not deleted since, as far as the store knows."""


@dataclass(frozen=True)
class NodeRecord:
    """One execution of one node, as MLMD keeps it."""

    node_id: str
    execution_id: int
    state: str
    """NEW, RUNNING, COMPLETE, CACHED, FAILED or CANCELED."""
    seconds: float
    outputs: Mapping[str, tuple[ArtifactRecord, ...]]
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Custom properties of the execution, such as `container_engine`."""
    error: str = ""
    error_kind: ErrorKind | None = None
    given_up: bool = False
    """It failed as often as it may, or in a way that another attempt cannot mend."""

    def output(self, key: str) -> ArtifactRecord | None:
        """The first artifact under an output key."""
        found = self.outputs.get(key, ())
        return found[0] if found else None


@dataclass(frozen=True)
class ExecutionRecord:
    """One execution, of whatever run, with its place among others; see `StoreContent`."""

    id: int
    type: str
    """The name of the component's class."""
    node_id: str
    run_id: str
    """Empty where it belongs to no run of a pipeline."""
    state: str
    started_ms: int
    """Since the epoch."""
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EventRecord:
    """An execution took an artifact in, or put it out."""

    execution_id: int
    artifact_id: int
    is_input: bool
    keys: tuple[str, ...] = ()
    """Of the input or output; one event may stand for two keys that hold the same artifact."""


@dataclass(frozen=True)
class RunRecord:
    """A run as its context keeps it."""

    run_id: str
    started_ms: int
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Config, command line and provenance; see RunStore.properties."""


@dataclass(frozen=True)
class StoreContent:
    """All that lineage goes by, read at once."""

    artifacts: Mapping[int, ArtifactRecord]
    executions: Mapping[int, ExecutionRecord]
    events: Sequence[EventRecord]
    runs: Mapping[str, RunRecord]


def artifact_of(records: Sequence[NodeRecord], type_name: str) -> ArtifactRecord | None:
    """The first artifact of a type among all that a run put out."""
    artifacts = (one for record in records for made in record.outputs.values() for one in made)
    return next((one for one in artifacts if one.type == type_name), None)


def run_outcome(nodes: Sequence[NodeRecord]) -> Outcome:
    """How a run ended, from what its nodes left in the store; no record at all is a failure."""
    for node in nodes:
        if node.error_kind is not None:
            return Outcome(node.error_kind.value)
        if node.state not in DONE_STATES:
            return Outcome.FAILED
    return Outcome.SUCCEEDED if nodes else Outcome.FAILED
