"""`taxiway submit`."""

from __future__ import annotations

from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, PipelineName, resolve


def submit(
    pipeline: PipelineName = "",
    schedule: Annotated[
        str, typer.Option(help="Run again and again: cron, such as '0 6 * * 1' (UTC).")
    ] = "",
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value. Repeatable.")
    ] = None,
    run_name: Annotated[str, typer.Option(help="Name of the run, or of the schedule.")] = "",
    replace: Annotated[
        bool, typer.Option(help="Put the schedule in the place of its namesake.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Follow the run to its end.")] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Submit a pipeline to Kubeflow Pipelines."""
    from taxiway.runners.kubeflow.client.command import Options, submit_pipeline
    from taxiway.runners.targets import OVERLAYS

    resolved = resolve(config, assignments, pipeline, default=OVERLAYS["kubeflow"])
    options = Options(schedule, parameter or (), run_name, replace, wait, as_json)
    raise typer.Exit(submit_pipeline(resolved, options))
