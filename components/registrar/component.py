"""Registrar's TFX face, a Python-function component."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tfx.components.evaluator import constants
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import (
    Examples,
    ExampleStatistics,
    HyperParameters,
    InfraBlessing,
    ModelBlessing,
    ModelEvaluation,
    PushedModel,
    Schema,
    TransformGraph,
)
from tfx.utils import path_utils

from components.artifacts import PUSHED_TO, ModelManifest, ModelVersion
from components.pusher.executor import RUN_ID_PROPERTY
from components.registrar import facts
from components.registrar.logic import baseline_of, record, signed, verified
from components.registrar.mapping import with_mapping
from components.run_report.sections.task import class_names
from taxiway.config.evaluation import Evaluation
from taxiway.config.gates import InfraValidation
from taxiway.evaluation.ranking import directions, ranking_of
from taxiway.evaluation.results import overall_metrics, read_metrics
from taxiway.metadata.describe import UNUSABLE_BASELINE
from taxiway.metadata.records import NodeRecord, artifact_of
from taxiway.modeling.example_files import files_in, open_examples
from taxiway.modeling.names import EVAL_SPLIT
from taxiway.modeling.spec import load_spec
from taxiway.modeling.spec.contract import contract_digest, contract_of
from taxiway.modeling.spec.schema import read_schema
from taxiway.process.manifest import MANIFEST_FILE, digest
from taxiway.registry.auth.current import current_actor
from taxiway.registry.database.session import open_database
from taxiway.registry.section import parse_registry
from taxiway.registry.versions.black_box import BlackBoxVersioning
from taxiway.registry.versions.records import Candidate, find_named, find_version, register
from taxiway.registry.versions.records import ModelVersion as Record
from taxiway.runners.nodes.declarations import declare


def lost(records: Sequence[NodeRecord], parameters: Mapping[str, Any]) -> str:
    """Why the registry does not know the version that a run has registered; empty where it does."""
    made = artifact_of(records, "ModelVersion")
    if made is None:
        return ""
    model, name = made.properties["model_name"], made.properties["version_name"]
    database = open_database(parse_registry(parameters["registry"]))
    version = find_named(database, model, name)
    if version is None:
        return f"the registry {database.place} does not know the model that was {model} {name}"
    if (version.name, version.candidate.pushed_to) != (name, made.properties.get(PUSHED_TO)):
        return (
            f"the registry {database.place} has another record of {model} {name} than was written"
        )
    return ""


@declare(
    needs_files="it opens the manifest and what was pushed as local files",
    lost=lost,
    delivers=True,
)
@component
def Registrar(  # a component is named like a class
    examples: InputArtifact[Examples],
    statistics: InputArtifact[ExampleStatistics],
    schema: InputArtifact[Schema],
    transform_graph: InputArtifact[TransformGraph],
    hyperparameters: InputArtifact[HyperParameters],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: InputArtifact[ModelBlessing],
    infra_blessing: InputArtifact[InfraBlessing],
    manifest: InputArtifact[ModelManifest],
    pushed_model: InputArtifact[PushedModel],
    model_version: OutputArtifact[ModelVersion],
    model_name: Parameter[str],
    module: Parameter[str],
    pipeline_digest: Parameter[str],
    registry: Parameter[str],
    evaluation_config: Parameter[str],
    infra_validation: Parameter[str],
    allowed_operations: Parameter[str],
) -> None:
    """Registers the pushed model under the number that `registry.versioning` gives it.

    Raises:
      TaxiwayError: what was pushed is not what the manifest names.
    """
    database = open_database(parse_registry(registry))
    place = pushed_model.get_string_custom_property("pushed_destination")
    manifest_file = Path(manifest.uri) / MANIFEST_FILE
    is_verified = verified(manifest_file, place, pushed_model.uri)
    signature = signed(database.settings.signing, pushed_model.uri, place)
    spec = load_spec(module)
    learned = class_names(spec.task, transform_graph.uri)
    contract = contract_of(spec, read_schema(f"{schema.uri}/schema.pbtxt"), learned)
    asked = Evaluation.model_validate_json(evaluation_config)
    ranking, slices = ranking_of(asked, spec), read_metrics(evaluation.uri)
    candidate = Candidate(
        model=model_name,
        run_id=pushed_model.get_string_custom_property(RUN_ID_PROPERTY),
        model_digest=digest(manifest_file.read_text()),
        contract_digest=contract_digest(spec),
        pipeline_digest=pipeline_digest,
        pushed_to=place,
        metrics=overall_metrics(slices),
        contract=contract,
        baseline=baseline_of(
            slices,
            _baseline_folder(blessing),
            evaluation.get_string_custom_property(UNUSABLE_BASELINE),
            directions(asked, spec),
            ranking.metric,
            lambda content: find_version(database, model_name, content),
        ),
        facts={
            "data": facts.data_facts(*map(_properties, (examples, schema))),
            "training": facts.training_facts(hyperparameters.uri),
            "evaluation": facts.evaluation_facts(slices, ranking),
            "trial": facts.trial_facts(_properties(infra_blessing)),
            **facts.input_facts(spec, contract, statistics.uri),
        },
        checks={
            "evaluator": blessing.get_int_custom_property("blessed") == 1,
            "infra_validator": infra_blessing.get_int_custom_property("blessed") == 1,
            "manifest": is_verified,
            "signature": bool(signature),
        },
        artifact_uri=pushed_model.uri,
        signature=signature,
    )
    versioning = database.settings.versioning
    if isinstance(versioning, BlackBoxVersioning):
        trial = InfraValidation.model_validate_json(infra_validation)
        probes = partial(_first_rows, examples, versioning.probes)
        candidate = with_mapping(candidate, probes, database, trial, json.loads(allowed_operations))
    _write(register(database, candidate, current_actor(database)), model_version)


def _write(version: Record, artifact: Any) -> None:
    text = json.dumps(record(version), indent=2, sort_keys=True)
    (Path(artifact.uri) / "version.json").write_text(text)
    artifact.model_name = version.candidate.model
    artifact.version_name = version.name
    artifact.digest = version.candidate.model_digest
    artifact.set_string_custom_property(PUSHED_TO, version.candidate.pushed_to)


def _baseline_folder(blessing: Any) -> str:
    """The SavedModel that the Evaluator compared with, as both engines write it; empty for none."""
    uri = blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY)
    return str(path_utils.serving_model_path(uri)) if uri else ""


def _first_rows(examples: Any, count: int) -> list[bytes]:
    """The first rows of the eval split, in the order of its files."""
    files = files_in(artifact_utils.get_split_uri([examples], EVAL_SPLIT))
    return list(open_examples(files).take(count).as_numpy_iterator())


def _properties(artifact: Any) -> dict[str, Any]:
    """Custom properties as plain values."""
    properties = artifact.mlmd_artifact.custom_properties
    return {name: getattr(value, value.WhichOneof("value")) for name, value in properties.items()}
