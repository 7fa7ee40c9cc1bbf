"""DeployQueue's TFX face, a Python-function component; see taxiway/registry/deploy/queue.py."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from tfx.dsl.component.experimental.annotations import InputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import PUSHED_TO, ModelVersion
from taxiway.metadata.records import NodeRecord, artifact_of
from taxiway.registry.approval.states import is_approved
from taxiway.registry.auth.actor import system_actor
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import open_database
from taxiway.registry.deploy import queue as deploy_queue
from taxiway.registry.section import Registry, parse_registry
from taxiway.registry.versions.records import ModelVersion as Version
from taxiway.registry.versions.records import find_version
from taxiway.runners.nodes.declarations import declare


class Queued(TypedDict):
    """What the component returns."""

    queued: int


def lost(records: Sequence[NodeRecord], parameters: Mapping[str, Any]) -> str:
    """Why what a run has pushed is not the newest in the queue; empty where it is, or may not be.

    What waits for approval is queued by whoever approves it.
    """
    made = artifact_of(records, "ModelVersion")
    if made is None:
        return ""
    settings = parse_registry(parameters["registry"])
    push = (made.properties["model_name"], made.properties["version_name"])
    version = find_version(open_database(settings), push[0], made.properties["digest"])
    if version is not None and not _may_serve(settings, version):
        return ""
    if _queue(settings).is_newest(*push, made.properties.get(PUSHED_TO, "")):
        return ""
    return f"the deploy queue's newest entry is not this push of {' '.join(push)}"


@declare(lost=lost)
@component
def DeployQueue(  # a component is named like a class
    model_version: InputArtifact[ModelVersion],
    registry: Parameter[str],
) -> Queued:
    """Appends this push of the version, where it is approved.

    `queued` is 0 where it waits for approval or is rejected, and where it is the newest there
    already.
    """
    settings = parse_registry(registry)
    with open_database(settings).reading() as connection:
        version = find(connection, f"{model_version.model_name}/{model_version.version_name}")
    if not _may_serve(settings, version):
        return {"queued": 0}
    return {"queued": int(_queue(settings).put(version, system_actor()))}


def _may_serve(settings: Registry, version: Version) -> bool:
    with open_database(settings).reading() as connection:
        return is_approved(connection, version, settings.environment)


def _queue(settings: Registry) -> deploy_queue.DeployQueue:
    return deploy_queue.DeployQueue(open_database(settings), settings.environment)
