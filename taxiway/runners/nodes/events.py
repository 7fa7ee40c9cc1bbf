"""What happens in a run, as typed events; a runner reports in no other way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from taxiway.errors import GateStopped
from taxiway.metadata.records import ErrorKind, NodeRecord, Outcome
from taxiway.process.progress import Progress


@dataclass(frozen=True)
class RunStarted:
    """The first event; `nodes` are in the order in which they may start."""

    run_id: str
    nodes: Sequence[str]


@dataclass(frozen=True)
class NodeStarted:
    """A node began to resolve its inputs."""

    run_id: str
    node_id: str


@dataclass(frozen=True)
class NodeCached:
    """A node had nothing to do: an earlier run made the same from the same."""

    run_id: str
    node_id: str
    record: NodeRecord
    seconds: float


@dataclass(frozen=True)
class NodeFinished:
    """A node did its work."""

    run_id: str
    node_id: str
    record: NodeRecord
    seconds: float


@dataclass(frozen=True)
class NodeFailed:
    """A node raised; `kind` says whether something went wrong, or a gate or a user ended it."""

    run_id: str
    node_id: str
    reason: str
    edit: str = ""
    kind: ErrorKind = ErrorKind.FAILED
    seconds: float = 0.0


@dataclass(frozen=True)
class NodeSkipped:
    """A node did not run: its condition was false, or the run ended before it."""

    run_id: str
    node_id: str
    reason: str


@dataclass(frozen=True)
class NodeMessage:
    """Something a user should know while a node runs, such as where a container ran."""

    run_id: str
    node_id: str
    text: str


@dataclass(frozen=True)
class NodeProgress:
    """How far a node is; some each second at most, and none of a node that is done at once."""

    run_id: str
    node_id: str
    progress: Progress


@dataclass(frozen=True)
class RunEnded:
    """The last event."""

    run_id: str
    outcome: Outcome
    failure: NodeFailed | None = None
    seconds: float = field(default=0.0)


Event = (
    RunStarted
    | NodeStarted
    | NodeCached
    | NodeFinished
    | NodeFailed
    | NodeSkipped
    | NodeMessage
    | NodeProgress
    | RunEnded
)


class StopRun(GateStopped):
    """What an observer raises to stop the run at a node that tells of its progress, and why."""


class RunObserver(Protocol):
    """Whoever wants to know: progress, log, exit handler."""

    def on_event(self, event: Event) -> None:
        """Called in the runner's process, in order, one event at a time.

        Raises:
          StopRun: on a NodeProgress, to stop the run there. Anything else is logged, no more.
        """
