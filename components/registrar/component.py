"""Registrar's TFX face, a Python-function component."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ModelEvaluation, PushedModel

from components.artifacts import ModelManifest, ModelVersion
from components.model_manifest.logic import MANIFEST_FILE, digest
from components.pusher.executor import RUN_ID_PROPERTY
from components.registrar.logic import contract_digest, record
from taxiway.evaluation.results import overall_metrics, read_metrics
from taxiway.modeling.spec import load_spec
from taxiway.registry.versions import Candidate, register
from taxiway.runners.nodes.declarations import declare


@declare(needs_files="it keeps versions in SQLite, which needs a file and its locks")
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
    """Registers the pushed model under MAJOR.MINOR.PIPELINE; the same model keeps its version."""
    version = register(
        registry_path,
        Candidate(
            model=model_name,
            run_id=pushed_model.get_string_custom_property(RUN_ID_PROPERTY),
            model_digest=digest((Path(manifest.uri) / MANIFEST_FILE).read_text()),
            contract_digest=contract_digest(load_spec(module)),
            pipeline_digest=pipeline_digest,
            pushed_to=pushed_model.get_string_custom_property("pushed_destination"),
            metrics=overall_metrics(read_metrics(evaluation.uri)),
        ),
    )
    text = json.dumps(record(version), indent=2, sort_keys=True)
    (Path(model_version.uri) / "version.json").write_text(text)
    model_version.model_name = model_name
    model_version.version_name = version.name
    model_version.digest = version.candidate.model_digest
