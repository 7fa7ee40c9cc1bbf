"""RunReport's TFX face, a Python-function component of the exit handler."""
# No `from __future__ import annotations`: TFX reads the annotations of component functions.

from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from components import artifacts
from components.run_report.logic import build_report, write_report
from taxiway.metadata.connection import open_store, parse_metadata
from taxiway.metadata.queries import run_nodes, run_properties


@component
def RunReport(  # a component is named like a class
    report: OutputArtifact[artifacts.RunReport],
    pipeline_name: Parameter[str],
    run_id: Parameter[str],
    metadata: Parameter[str],
    folder: Parameter[str],
    min_slice_rows: Parameter[int],
) -> None:
    """Reads a run back from ML Metadata (`metadata` is its config section), writes its report."""
    store = open_store(parse_metadata(metadata))
    built = build_report(
        pipeline_name,
        run_id,
        run_nodes(store, run_id),
        run_properties(store, run_id),
        min_slice_rows,
    )
    write_report(built, Path(report.uri), Path(folder))
    report.set_string_custom_property("path", f"{folder}/report.html")
    report.set_string_custom_property("outcome", built["outcome"])
