"""What sections are made from: all that is known of a run when its report is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taxiway.config.goals import Goal
from taxiway.evaluation.ranking import Ranking
from taxiway.metadata.records import ArtifactRecord, NodeRecord, StoreContent
from taxiway.modeling.spec import FeatureSpec


@dataclass(frozen=True)
class KnownRun:
    """A run as ML Metadata has it, with what its config says of the report."""

    pipeline: str
    run_id: str
    nodes: Sequence[NodeRecord]
    """Their newest executions, oldest first."""
    properties: Mapping[str, Any]
    """On record of the run itself: config, command, commit, releases."""
    ranking: Ranking
    spec: FeatureSpec | None = None
    """Of the model; None where its folder is what is wrong with the run."""
    content: StoreContent = field(default_factory=lambda: StoreContent({}, {}, (), {}))
    """Executions, artifacts and events of the run."""
    goals: Sequence[Goal] = ()
    root: str = ""
    """output.root, which is left out of places."""
    base: Mapping[str, Any] = field(default_factory=dict)
    """The project's base config, resolved and flattened."""

    def node(self, name: str) -> NodeRecord | None:
        """A node's newest execution; None where it has not run."""
        return next((one for one in self.nodes if one.node_id == name), None)

    def output(self, name: str, key: str) -> ArtifactRecord | None:
        """A node's first artifact under a key."""
        node = self.node(name)
        return node.output(key) if node else None

    def uri(self, name: str, key: str) -> str:
        """Where it is; empty without."""
        artifact = self.output(name, key)
        return artifact.uri if artifact else ""
