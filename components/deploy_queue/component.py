"""DeployQueue's TFX face, a Python-function component; see taxiway/registry/deploy_queue.py."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from tfx.dsl.component.experimental.annotations import InputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import PUSHED_TO, ModelVersion
from taxiway.metadata.records import NodeRecord, artifact_of
from taxiway.registry import deploy_queue
from taxiway.runners.nodes.declarations import declare


class Queued(TypedDict):
    """What the component returns."""

    queued: int


def lost(records: Sequence[NodeRecord], parameters: Mapping[str, Any]) -> str:
    """Why what a run has pushed is not the newest in the queue; empty where it is."""
    made = artifact_of(records, "ModelVersion")
    if made is None:
        return ""
    queue = deploy_queue.DeployQueue(parameters["registry_path"], parameters["lease_seconds"])
    push = (made.properties["model_name"], made.properties["version_name"])
    if queue.is_newest(*push, made.properties.get(PUSHED_TO, "")):
        return ""
    return f"the deploy queue's newest entry is not this push of {' '.join(push)}"


@declare(needs_files="it keeps the queue in SQLite, which needs a file and its locks", lost=lost)
@component
def DeployQueue(  # a component is named like a class
    model_version: InputArtifact[ModelVersion],
    registry_path: Parameter[str],
    lease_seconds: Parameter[float],
) -> Queued:
    """Appends this push of the version; `queued` is 0 where it is the newest there already."""
    queue = deploy_queue.DeployQueue(registry_path, lease_seconds)
    added = queue.put(
        model_version.model_name,
        model_version.version_name,
        model_version.get_string_custom_property(PUSHED_TO),
    )
    return {"queued": int(added)}
