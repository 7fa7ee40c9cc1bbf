"""`taxiway models list`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles
from taxiway.cli.registry import open_registry
from taxiway.cli.table import print_table


def list_(
    model: Annotated[str, typer.Argument(help="List its versions, newest first.")] = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a model."""
    from taxiway.registry.versions.records import list_versions

    registry = open_registry(config, assignments)
    versions = list_versions(registry.database, model or registry.model)[::-1]
    if as_json:
        typer.echo(json.dumps([{"version": version.subject} for version in versions], indent=2))
        return
    print_table(
        ("version", "created"),
        [(version.subject, version.created_at) for version in versions],
        empty="no versions yet",
    )
