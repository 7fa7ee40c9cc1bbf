"""`taxiway lineage`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve


def lineage(
    subject: Annotated[
        str,
        typer.Argument(
            help="A version (flights/1.2.7, @champion), or span:3, schema:DIGEST or its file, "
            "examples:DIGEST, commit:SHA, run:ID, artifact:ID."
        ),
    ],
    every: Annotated[
        bool, typer.Option("--all", help="Every artifact, and what baselines were made of.")
    ] = False,
    depth: Annotated[int, typer.Option("--depth", min=0, help="Levels; 0 means all.")] = 0,
    svg: Annotated[
        str, typer.Option("--svg", metavar="FILE", help="Draw it to a file as well.")
    ] = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say what a version was made of, or what was made of a span, a schema, a commit."""
    resolved = resolve(config, assignments)
    from taxiway.lineage.collect import collect
    from taxiway.lineage.drawing.svg import write_svg
    from taxiway.lineage.printing.plain import as_plain
    from taxiway.lineage.printing.text import Shown, as_text
    from taxiway.registry.database.session import open_database

    database = open_database(resolved.registry)
    found = collect(subject, resolved.model.name, resolved.metadata, database)
    shown = Shown(resolved.output.root, every, depth)
    if svg:
        write_svg(found, shown, Path(svg))
    typer.echo(json.dumps(as_plain(found), indent=2) if as_json else as_text(found, shown))
