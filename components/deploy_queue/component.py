"""DeployQueue's TFX face, a Python-function component; see taxiway/registry/deploy/queue.py."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypedDict

from tfx.dsl.component.experimental.annotations import InputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import PUSHED_TO, ModelVersion
from taxiway.errors import ConfigError
from taxiway.metadata.records import NodeRecord, artifact_of
from taxiway.registry.approval.states import is_approved
from taxiway.registry.auth.current import current_actor
from taxiway.registry.catalog.references import find
from taxiway.registry.database.session import open_database
from taxiway.registry.deploy import queue as deploy_queue
from taxiway.registry.section import parse_registry
from taxiway.runners.nodes.declarations import declare


class Queued(TypedDict):
    """What the component returns."""

    queued: int


def lost(records: Sequence[NodeRecord], parameters: Mapping[str, Any]) -> str:
    """Why what a run has pushed is not the newest in the queue; empty where it is, or waits."""
    made = artifact_of(records, "ModelVersion")
    if made is None:
        return ""
    database = open_database(parse_registry(parameters["registry"]))
    push = (made.properties["model_name"], made.properties["version_name"])
    if deploy_queue.DeployQueue(database).is_newest(*push, made.properties.get(PUSHED_TO, "")):
        return ""
    with suppress(ConfigError), database.reading() as connection:
        version = find(connection, "/".join(push))
        if not is_approved(connection, version, database.settings.environment):
            return ""
    return f"the deploy queue's newest entry is not this push of {' '.join(push)}"


@declare(lost=lost, delivers=True)
@component
def DeployQueue(  # a component is named like a class
    model_version: InputArtifact[ModelVersion],
    registry: Parameter[str],
) -> Queued:
    """Appends this push of the version, where its policy lets it through.

    `queued` is 0 where it is the newest there already, and where it waits for approval: then
    `taxiway models approve` queues it.

    Raises:
      ConfigError: the registry does not know the version.
    """
    database = open_database(parse_registry(registry))
    with database.reading() as connection:
        version = find(connection, f"{model_version.model_name}/{model_version.version_name}")
        if not is_approved(connection, version, database.settings.environment):
            return {"queued": 0}
    queue = deploy_queue.DeployQueue(database)
    return {"queued": int(queue.put(version, current_actor(database)))}
