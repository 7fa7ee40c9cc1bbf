"""What was made of what: a graph of artifacts and executions, and two searches through it.

An artifact is made of the inputs of every execution that put it out, and what an execution put out
is made of all that it took. Nothing else is an edge: no run, no node, no name that is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from taxiway.metadata.records import EventRecord, ExecutionRecord, StoreContent

MADE: Final = "COMPLETE"
"""The state of an execution that did the work; a CACHED one put out what another had made."""
BASELINE_KEYS: Final = ("baseline_model", "baseline_statistics")
"""Inputs to compare with: what comes of it was judged by them, and is not made of them."""


@dataclass(frozen=True)
class Reached:
    """What a search has found, in ascending order; the artifacts that it began at are among it."""

    artifacts: tuple[int, ...]
    executions: tuple[int, ...]


@dataclass(frozen=True)
class Edge:
    """An artifact beside another: the execution between them, and the input key it went by."""

    artifact: int
    execution: int
    key: str
    is_baseline: bool = False


@dataclass
class Graph:
    """The edges of a store's events, ready to be searched.

    Args:
      content: of the store.
    """

    content: StoreContent
    inputs: dict[int, list[EventRecord]] = field(default_factory=dict, init=False)
    """By execution."""
    outputs: dict[int, list[EventRecord]] = field(default_factory=dict, init=False)
    producers: dict[int, list[int]] = field(default_factory=dict, init=False)
    """Executions by artifact."""
    consumers: dict[int, list[EventRecord]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for event in self.content.events:
            execution, artifact = event.execution_id, event.artifact_id
            if event.is_input:
                self.inputs.setdefault(execution, []).append(event)
                self.consumers.setdefault(artifact, []).append(event)
            else:
                self.outputs.setdefault(execution, []).append(event)
                self.producers.setdefault(artifact, []).append(execution)

    def backwards(self, artifacts: Iterable[int]) -> Reached:
        """All that artifacts are made of, down to what came from outside."""
        return _search(
            artifacts,
            lambda artifact: self.producers.get(artifact, ()),
            lambda execution: (event.artifact_id for event in self.inputs.get(execution, ())),
        )

    def forwards(self, artifacts: Iterable[int], through_baselines: bool = True) -> Reached:
        """All that is made of artifacts, up to what nothing has taken yet.

        Args:
          artifacts: to begin at.
          through_baselines: also what was only compared with something made of them.
        """
        return _search(
            artifacts,
            lambda artifact: (
                event.execution_id
                for event in self.consumers.get(artifact, ())
                if through_baselines or not is_baseline(event)
            ),
            lambda execution: (event.artifact_id for event in self.outputs.get(execution, ())),
        )

    def maker(self, artifact: int) -> ExecutionRecord | None:
        """The execution that did the work; of several the first."""
        found = [self.content.executions[one] for one in self.producers.get(artifact, ())]
        done = [one for one in found if one.state == MADE]
        return min(done or found, key=lambda one: one.id, default=None)

    def made_of(self, artifact: int) -> list[Edge]:
        """The inputs of the executions that put an artifact out, each once."""
        edges = (
            Edge(event.artifact_id, execution, _key(event), is_baseline(event))
            for execution in self.producers.get(artifact, ())
            for event in self.inputs.get(execution, ())
        )
        return _once(edges)

    def made_into(self, artifact: int) -> list[Edge]:
        """What executions that took an artifact have put out, each once."""
        edges = (
            Edge(made.artifact_id, event.execution_id, _key(made), is_baseline(event))
            for event in self.consumers.get(artifact, ())
            for made in self.outputs.get(event.execution_id, ())
        )
        return _once(edges)


def is_baseline(event: EventRecord) -> bool:
    """Whether an input is there to compare with, and for nothing else."""
    return event.is_input and bool(event.keys) and all(key in BASELINE_KEYS for key in event.keys)


def _key(event: EventRecord) -> str:
    return event.keys[0].lstrip("_") if event.keys else ""


def _once(edges: Iterable[Edge]) -> list[Edge]:
    """One edge to each artifact: one that is no baseline's where there are both."""
    found: dict[int, Edge] = {}
    for edge in edges:
        known = found.get(edge.artifact)
        if known is None or (known.is_baseline and not edge.is_baseline):
            found[edge.artifact] = edge
    return list(found.values())


def _search(
    artifacts: Iterable[int],
    executions_of: Callable[[int], Iterable[int]],
    artifacts_of: Callable[[int], Iterable[int]],
) -> Reached:
    """Everything that can be reached; each artifact and execution is looked at once."""
    waiting = list(artifacts)
    seen, executions = set(waiting), set[int]()
    while waiting:
        for execution in executions_of(waiting.pop()):
            if execution in executions:
                continue
            executions.add(execution)
            for artifact in artifacts_of(execution):
                if artifact not in seen:
                    seen.add(artifact)
                    waiting.append(artifact)
    return Reached(tuple(sorted(seen)), tuple(sorted(executions)))
