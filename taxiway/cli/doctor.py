"""`taxiway doctor`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, ConfigError, did_you_mean


def doctor(
    target: Annotated[
        str,
        typer.Option(help="What is to work: local, tests, image, kubeflow, dask or docs."),
    ] = "",
    endpoint: Annotated[
        str, typer.Option(help="Address of a Kubeflow to ask whether it answers.")
    ] = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say what is missing on this machine, for each target, and how to get it.

    Exit code 0 where the target works, else 1; without --target that is `local`.
    """
    from taxiway.process.project import project_root
    from taxiway.scaffold.doctor.probe import look
    from taxiway.scaffold.doctor.targets import DEFAULT, TARGETS, lines, to_json, works

    if target and target not in TARGETS:
        raise ConfigError(
            f"--target: unknown target '{target}'{did_you_mean(target, TARGETS)} "
            f"(known: {', '.join(TARGETS)})",
            edit="--target",
        )
    targets = [target] if target else list(TARGETS)
    root = resolve(config, assignments).output.root if config or assignments else "var"
    machine = look(project_root(), root, endpoint)
    if as_json:
        typer.echo(json.dumps(to_json(machine, targets), indent=2))
    else:
        typer.echo("\n".join(lines(machine, targets)))
    raise typer.Exit(EXIT_OK if works(machine, target or DEFAULT) else EXIT_RUN_FAILED)
