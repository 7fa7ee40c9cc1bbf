"""`taxiway new`: model folders, components and projects, ready to be changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from taxiway.cli.options import AsJson
from taxiway.errors import ConfigError, did_you_mean

app = typer.Typer(
    help="Write what is yours to change: a model, a component, a project.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def model(
    name: Annotated[str, typer.Argument(help="Of the model, such as house-prices.")],
    data: Annotated[
        Path, typer.Option(help="A CSV or Parquet file, a folder of them, or of span-N folders.")
    ],
    label: Annotated[str, typer.Option(help="The column to predict; guessed without it.")] = "",
    task: Annotated[
        Literal["binary", "multiclass", "regression"] | None,
        typer.Option(help="What kind of label it is; guessed without it."),
    ] = None,
    key: Annotated[str, typer.Option(help="A column that names each row for good.")] = "",
    weight: Annotated[str, typer.Option(help="A column: how much each row counts.")] = "",
    derive: Annotated[
        str, typer.Option(help="What makes the label of other columns: tips > 0.2 * fare.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write a model's folder, its tests and its config from a look at its data."""
    from taxiway.process.project import project_root
    from taxiway.scaffold.model.create import create_model
    from taxiway.scaffold.model.plan.plan import Wishes
    from taxiway.scaffold.model.summary import show

    wishes = Wishes(label=label, task=task, key=key, weight=weight, derive=derive)
    show(create_model(project_root(), name, data, wishes), as_json)


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


@app.command()
def project(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    name: Annotated[str, typer.Option(help="Of the project, such as taxi-fares.")],
    source: Annotated[
        str,
        typer.Option(
            help="Where the project gets the package from: a wheel, a checkout, a git address or "
            "a version; without it, from where this one came."
        ),
    ] = "",
    with_example: Annotated[
        bool, typer.Option("--with-example", help="Bring the flights too.")
    ] = False,
) -> None:
    """Write a project of your own, which uses Taxiway as a package."""
    from taxiway.scaffold.project.create import create_project
    from taxiway.scaffold.project.sources import installed_source, installed_version, read_source
    from taxiway.terminal import one_line, shell

    place = read_source(source) if source else installed_source()
    record = create_project(folder, name, place, installed_version(), with_example)
    model = "flights" if with_example else "NAME"
    lines = [
        f"{one_line(str(folder))} is a project with Taxiway {record.version} from {record.source}",
        "next:",
        f"  {shell(['cd', str(folder)])}",
        "  git init && git add --all && git commit --message 'taxiway new project'",
        "  make install",
        *([] if with_example else ["  .venv/bin/taxiway new model NAME --data FILE"]),
        f"  make run-local CONFIG={model}",
    ]
    typer.echo("\n".join(lines))
