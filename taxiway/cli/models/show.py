"""`taxiway models show`."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, VersionArgument
from taxiway.cli.registry import open_registry


def show(
    version: VersionArgument,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say all that is known of a version."""
    found = open_registry(config, assignments).find(version)
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else found.subject)
