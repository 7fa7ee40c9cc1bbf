"""The end of a run, done again on another registry: what tests kill in the middle."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import tensorflow_data_validation  # noqa: F401  # imported before it is timed
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Integer

from components.artifacts import ModelVersion
from components.deploy_queue.component import DeployQueue_Executor
from components.registrar.component import Registrar_Executor


def deliver(metadata: str, registry: str, outputs: str) -> None:
    """Registrar and DeployQueue, with the inputs that the run gave its Registrar.

    Args:
      metadata: SQLite file of the run's ML Metadata.
      registry: the `registry` section, as JSON.
      outputs: folder for what both put out.
    """
    inputs, parameters = _registrar(metadata)
    version, queued = ModelVersion(), Integer()
    version.uri, queued.uri = outputs, str(Path(outputs) / "queued")
    Path(outputs).mkdir(parents=True, exist_ok=True)
    parameters |= {"registry": registry}
    Registrar_Executor().Do(inputs, {"model_version": [version]}, parameters)
    DeployQueue_Executor().Do(
        {"model_version": [version]}, {"queued": [queued]}, {"registry": registry}
    )


def _registrar(metadata: str) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """What the first Registrar got: artifacts by input, and parameters."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = metadata
    store = metadata_store.MetadataStore(config)
    (type_name,) = [
        one.name for one in store.get_execution_types() if one.name.endswith(".Registrar")
    ]
    execution = min(store.get_executions_by_type(type_name), key=lambda one: one.id)
    types = {one.id: one for one in store.get_artifact_types()}
    inputs: dict[str, list[Any]] = defaultdict(list)
    for event in store.get_events_by_execution_ids([execution.id]):
        if event.type == metadata_store_pb2.Event.INPUT:
            (artifact,) = store.get_artifacts_by_id([event.artifact_id])
            made = artifact_utils.deserialize_artifact(types[artifact.type_id], artifact)
            for step in event.path.steps:  # in any order; the condition's are none of Registrar's
                if step.key and not step.key.startswith("_"):
                    inputs[step.key].append(made)
    parameters = {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in execution.custom_properties.items()
    }
    return dict(inputs), parameters
