"""`taxiway new`: model folders, components and projects, ready to be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from taxiway.cli.options import AsJson

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
    as_json: AsJson = False,
) -> None:
    """Write a model's folder, its tests and its config from a look at its data."""
    from taxiway.process.project import project_root
    from taxiway.scaffold.model.create import create_model
    from taxiway.scaffold.model.plan.plan import Wishes
    from taxiway.scaffold.model.summary import show

    wishes = Wishes(label=label, task=task, key=key, weight=weight)
    show(create_model(project_root(), name, data, wishes), as_json)
