"""`taxiway config`: what a config resolves to, what a key means, and a schema for editors."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, PipelineName, resolve

app = typer.Typer(help="Look at the config.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show(
    pipeline: PipelineName = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Print the resolved config: every key, with the value that a run would have."""
    from taxiway.config.loader import to_json, to_yaml

    resolved = resolve(config, assignments, pipeline)
    typer.echo(to_json(resolved) if as_json else to_yaml(resolved).rstrip())


@app.command()
def explain(
    key: Annotated[str, typer.Argument(help="Such as data.spans; without it, the sections.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what a key means, its type, its default and, of a section, its keys."""
    from taxiway.config.reference import explained, lines

    found = explained(key)
    if as_json:
        typer.echo(json.dumps([entry.to_json() for entry in found], indent=2))
        return
    for line in lines(found):
        typer.echo(line)


@app.command()
def schema() -> None:
    """Print a JSON schema of configs, by which editors check and complete YAML."""
    from taxiway.config.reference import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, sort_keys=True))
