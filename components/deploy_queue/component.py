"""DeployQueue's TFX face, a Python-function component; see taxiway/registry/deploy_queue.py."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from typing import TypedDict

from tfx.dsl.component.experimental.annotations import InputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import ModelVersion
from taxiway.registry import deploy_queue
from taxiway.runners.nodes.declarations import declare


class Queued(TypedDict):
    """What the component returns."""

    queued: int


@declare(needs_files="it keeps the queue in SQLite, which needs a file and its locks")
@component
def DeployQueue(  # a component is named like a class
    model_version: InputArtifact[ModelVersion],
    registry_path: Parameter[str],
    lease_seconds: Parameter[float],
) -> Queued:
    """Appends the version; `queued` is 0 where it was in the queue, or went through it, already."""
    queue = deploy_queue.DeployQueue(registry_path, lease_seconds)
    added = queue.put(model_version.model_name, model_version.version_name)
    return {"queued": int(added)}
