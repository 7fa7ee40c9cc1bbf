"""`taxiway runs reindex`: the index of runs, made anew."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve
from taxiway.errors import ConfigError


def reindex(
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove runs that neither ML Metadata nor a folder knows any more."
        ),
    ] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Make the index anew from ML Metadata and the runs' folders; tags and notes stay."""
    resolved = resolve(config, assignments)
    try:
        from taxiway.tracking.index import reindex as make_anew
    except ModuleNotFoundError as error:
        raise ConfigError(f"runs cannot be indexed: {error}", edit="taxiway/tracking") from None

    done = make_anew(resolved, prune)
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2))
        return
    typer.echo(
        f"{done.indexed} runs indexed: {done.in_metadata} known to ML Metadata, "
        f"{done.in_folders} by a folder, {done.in_both} of them by both"
    )
    if done.kept:
        typer.echo(f"{done.kept} more are in the index, which neither knows; --prune removes them")
    if done.removed:
        typer.echo(f"{done.removed} removed, which neither knew")
