"""The exit pipeline: what runs when a run has ended, whatever happened."""

from __future__ import annotations

import json

from tfx.orchestration.pipeline import Pipeline

from components.notify.component import Notify
from components.run_report.component import RunReport
from taxiway.config.schema import Config
from taxiway.evaluation.ranking import ranking_of
from taxiway.modeling.spec import load_spec
from taxiway.runners.nodes.collector import NodeCollector


def create_exit_pipeline(config: Config, run_id: str) -> Pipeline:
    """Wires the report and the notification of one run."""
    nodes = NodeCollector()
    report = RunReport(
        pipeline_name=config.pipeline.name,
        run_id=run_id,
        metadata=config.metadata.model_dump_json(),
        registry=config.registry.model_dump_json(),
        folder=config.output.report_folder(run_id),
        ranking=ranking_of(config.evaluation, load_spec(config.model.module)).to_json(),
        module=config.model.module,
        goals=json.dumps([goal.model_dump(mode="json") for goal in config.goals]),
        root=config.output.root,
    )
    Notify(
        report=report.outputs["report"],
        config=config.notify.model_dump_json(),
        registry=config.registry.model_dump_json(),
    )
    name = f"{config.pipeline.name}-exit"
    return Pipeline(
        pipeline_name=name,
        pipeline_root=config.output.pipeline_root(name),
        components=nodes.nodes(),
        enable_cache=False,
    )
