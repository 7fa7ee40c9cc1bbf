"""The exit pipeline: what runs when a run has ended, whatever happened."""

from __future__ import annotations

from tfx.orchestration.pipeline import Pipeline

from components.notify.component import Notify
from components.run_report.component import RunReport
from taxiway.config.schema import Config


def create_exit_pipeline(config: Config, run_id: str) -> Pipeline:
    """Wires the report and the notification of one run."""
    report = RunReport(
        pipeline_name=config.pipeline.name,
        run_id=run_id,
        metadata=config.metadata.model_dump_json(),
        folder=config.output.report_folder(run_id),
        min_slice_rows=config.evaluation.min_slice_rows,
    )
    notify = Notify(report=report.outputs["report"], config=config.notify.model_dump_json())
    name = f"{config.pipeline.name}-exit"
    return Pipeline(
        pipeline_name=name,
        pipeline_root=config.output.pipeline_root(name),
        components=[report, notify],
        enable_cache=False,
    )
