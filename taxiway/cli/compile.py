"""`taxiway compile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from taxiway.cli.options import Assignments, ConfigFiles, PipelineName, resolve
from taxiway.errors import ConfigError, did_you_mean
from taxiway.terminal import one_line


def compile_(
    pipeline: PipelineName = "",
    target: Annotated[str, typer.Option(help="What to compile to: ir, kubeflow or vertex.")] = "ir",
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path(
        "pipeline.json"
    ),
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Compile a pipeline to a file."""
    from taxiway.runners.targets import COMPILERS, OVERLAYS, compile_to_file

    if target not in COMPILERS:
        raise ConfigError(
            f"--target: unknown target '{target}'{did_you_mean(target, COMPILERS)} "
            f"(known: {', '.join(COMPILERS)})",
            edit="--target",
        )
    resolved = resolve(config, assignments, pipeline, default=OVERLAYS[target])
    compile_to_file(resolved, target, output)
    typer.echo(f"wrote {one_line(str(output))}")
