"""`taxiway run`."""

from __future__ import annotations

import typer

from taxiway.cli.options import (
    AsJson,
    Assignments,
    ConfigFiles,
    PipelineName,
    command_line,
    resolve,
)


def run(
    pipeline: PipelineName = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline on this machine."""
    resolved = resolve(config, assignments, pipeline)
    from taxiway.runners.local.run import run_pipeline

    raise typer.Exit(run_pipeline(resolved, command_line(), as_json))
