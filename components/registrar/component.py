"""Registrar's TFX face, a Python-function component."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ModelEvaluation, PushedModel

from components.artifacts import PUSHED_TO, ModelManifest, ModelVersion
from components.pusher.executor import RUN_ID_PROPERTY
from components.registrar.logic import contract_digest, record
from taxiway.evaluation.results import overall_metrics, read_metrics
from taxiway.metadata.records import NodeRecord, artifact_of
from taxiway.modeling.spec import load_spec
from taxiway.process.manifest import MANIFEST_FILE, digest, verify
from taxiway.registry.auth.actor import system_actor
from taxiway.registry.database.session import open_database
from taxiway.registry.section import parse_registry
from taxiway.registry.versions.records import Candidate, find_version, register
from taxiway.runners.nodes.declarations import declare


def lost(records: Sequence[NodeRecord], parameters: Mapping[str, Any]) -> str:
    """Why the registry does not know the version that a run has registered; empty where it does."""
    made = artifact_of(records, "ModelVersion")
    if made is None:
        return ""
    model, name = made.properties["model_name"], made.properties["version_name"]
    database = open_database(parse_registry(parameters["registry"]))
    version = find_version(database, model, made.properties["digest"])
    if version is None:
        return f"the registry {database.place} does not know the model that was {model} {name}"
    if (version.name, version.candidate.pushed_to) != (name, made.properties.get(PUSHED_TO)):
        return (
            f"the registry {database.place} has another record of {model} {name} than was written"
        )
    return ""


@declare(needs_files="it opens the manifest and what was pushed as local files", lost=lost)
@component
def Registrar(  # a component is named like a class
    evaluation: InputArtifact[ModelEvaluation],
    manifest: InputArtifact[ModelManifest],
    pushed_model: InputArtifact[PushedModel],
    model_version: OutputArtifact[ModelVersion],
    model_name: Parameter[str],
    module: Parameter[str],
    pipeline_digest: Parameter[str],
    registry: Parameter[str],
) -> None:
    """Registers the pushed model under MAJOR.MINOR.PIPELINE; the same model keeps its version.

    Raises:
      TaxiwayError: what was pushed is not what the manifest names.
    """
    place = pushed_model.get_string_custom_property("pushed_destination")
    if (Path(place) / MANIFEST_FILE).is_file():  # a folder of this machine
        verify(Path(place), Path(manifest.uri) / MANIFEST_FILE)
    version = register(
        open_database(parse_registry(registry)),
        Candidate(
            model=model_name,
            run_id=pushed_model.get_string_custom_property(RUN_ID_PROPERTY),
            model_digest=digest((Path(manifest.uri) / MANIFEST_FILE).read_text()),
            contract_digest=contract_digest(load_spec(module)),
            pipeline_digest=pipeline_digest,
            pushed_to=place,
            metrics=overall_metrics(read_metrics(evaluation.uri)),
            artifact_uri=pushed_model.uri,
        ),
        system_actor(),
    )
    text = json.dumps(record(version), indent=2, sort_keys=True)
    (Path(model_version.uri) / "version.json").write_text(text)
    model_version.model_name = model_name
    model_version.version_name = version.name
    model_version.digest = version.candidate.model_digest
    model_version.set_string_custom_property(PUSHED_TO, version.candidate.pushed_to)
