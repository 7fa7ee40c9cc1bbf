"""`taxiway new`: model folders, components and projects, ready to be changed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson
from taxiway.errors import ConfigError, did_you_mean

app = typer.Typer(
    help="Write what is yours to change: a model, a component, a project.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def component(
    name: Annotated[str, typer.Argument(help="Of its folder, such as label_balance.")],
    kind: Annotated[
        str, typer.Option(help="What to begin from: function, container or custom.")
    ] = "function",
    pipeline: Annotated[
        str, typer.Option(help="A file in pipelines/ that is to have it.")
    ] = "training",
    wire: Annotated[
        bool, typer.Option(help="Put it into the pipeline, or print the lines that do.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Write a component that works, with its test, its settings and its line in a pipeline."""
    from taxiway.process.project import project_root
    from taxiway.runners.catalog import module_of
    from taxiway.scaffold.component.kinds import KINDS, Component
    from taxiway.scaffold.component.names import check_spelling
    from taxiway.scaffold.component.new import new_component

    if kind not in KINDS:
        raise ConfigError(
            f"--kind: unknown kind '{kind}'{did_you_mean(kind, KINDS)} (known: {', '.join(KINDS)})",
            edit="--kind",
        )
    check_spelling(name)
    file = f"{module_of(pipeline).replace('.', '/')}.py"
    made = new_component(project_root(), Component(name, KINDS[kind]), file, wired=wire)
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
        return
    typer.echo("\n".join(made.lines()))
