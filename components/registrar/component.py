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
from taxiway.registry.versions import Candidate, find_version, register
from taxiway.runners.nodes.declarations import declare


def lost(records: Sequence[NodeRecord], parameters: Mapping[str, Any]) -> str:
    """Why the registry does not know the version that a run has registered; empty where it does."""
    made = artifact_of(records, "ModelVersion")
    if made is None:
        return ""
    model, name = made.properties["model_name"], made.properties["version_name"]
    path = parameters["registry_path"]
    version = find_version(path, model, made.properties["digest"])
    if version is None:
        return f"the registry {path} does not know the model that was {model} {name}"
    if (version.name, version.candidate.pushed_to) != (name, made.properties.get(PUSHED_TO)):
        return f"the registry {path} has another record of {model} {name} than was written"
    return ""


@declare(needs_files="it keeps versions in SQLite, which needs a file and its locks", lost=lost)
@component
def Registrar(  # a component is named like a class
    evaluation: InputArtifact[ModelEvaluation],
    manifest: InputArtifact[ModelManifest],
    pushed_model: InputArtifact[PushedModel],
    model_version: OutputArtifact[ModelVersion],
    model_name: Parameter[str],
    module: Parameter[str],
    pipeline_digest: Parameter[str],
    registry_path: Parameter[str],
) -> None:
    """Registers the pushed model under MAJOR.MINOR.PIPELINE; the same model keeps its version.

    Raises:
      TaxiwayError: what was pushed is not what the manifest names.
    """
    place = pushed_model.get_string_custom_property("pushed_destination")
    if (Path(place) / MANIFEST_FILE).is_file():  # a folder of this machine
        verify(Path(place), Path(manifest.uri) / MANIFEST_FILE)
    version = register(
        registry_path,
        Candidate(
            model=model_name,
            run_id=pushed_model.get_string_custom_property(RUN_ID_PROPERTY),
            model_digest=digest((Path(manifest.uri) / MANIFEST_FILE).read_text()),
            contract_digest=contract_digest(load_spec(module)),
            pipeline_digest=pipeline_digest,
            pushed_to=place,
            metrics=overall_metrics(read_metrics(evaluation.uri)),
        ),
    )
    text = json.dumps(record(version), indent=2, sort_keys=True)
    (Path(model_version.uri) / "version.json").write_text(text)
    model_version.model_name = model_name
    model_version.version_name = version.name
    model_version.digest = version.candidate.model_digest
    model_version.set_string_custom_property(PUSHED_TO, version.candidate.pushed_to)
