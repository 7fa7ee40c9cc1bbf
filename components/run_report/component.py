"""RunReport's TFX face, a Python-function component of the exit handler."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components import artifacts
from components.run_report.logic import build_report, write_report
from components.run_report.sections.known import KnownRun
from components.run_report.sections.origin import flat
from components.run_report.sections.release import release_of
from taxiway.config.goals import Goals
from taxiway.config.loader import load_base
from taxiway.errors import TaxiwayError
from taxiway.evaluation.ranking import Ranking
from taxiway.metadata.connection import parse_metadata
from taxiway.metadata.content import run_content
from taxiway.metadata.store import run_store
from taxiway.modeling.spec import FeatureSpec, load_spec
from taxiway.registry.section import parse_registry


def _spec(module: str) -> FeatureSpec | None:
    """The spec of a model folder; None where the folder is what is wrong with the run."""
    try:
        return load_spec(module)
    except TaxiwayError:
        return None


def _base() -> dict[str, Any]:
    """The project's base config; empty where it is not here, or is no whole config by itself."""
    try:
        return flat(load_base().model_dump(mode="json"))
    except TaxiwayError:
        return {}


@component
def RunReport(  # a component is named like a class
    report: OutputArtifact[artifacts.RunReport],
    pipeline_name: Parameter[str],
    run_id: Parameter[str],
    metadata: Parameter[str],
    registry: Parameter[str],
    folder: Parameter[str],
    ranking: Parameter[str],
    module: Parameter[str],
    goals: Parameter[str],
    root: Parameter[str],
) -> None:
    """Reads a run back from ML Metadata and the registry, and writes its report.

    `metadata`, `registry` and `goals` are their sections of the config.
    """
    runs = run_store(parse_metadata(metadata))
    nodes = runs.nodes(run_id)
    known = KnownRun(
        pipeline_name,
        run_id,
        nodes,
        runs.properties(run_id),
        Ranking(**json.loads(ranking)),
        _spec(module),
        run_content(runs, run_id),
        TypeAdapter(Goals).validate_json(goals),
        root,
        _base(),
    )
    built = build_report(known, release_of(parse_registry(registry), nodes))
    write_report(built, Path(report.uri), Path(folder))
    report.set_string_custom_property("path", f"{folder}/report.html")
    report.set_string_custom_property("outcome", built["outcome"])
