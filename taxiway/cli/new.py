"""`taxiway new`: model folders, components and projects, ready to be changed."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="Write what is yours to change: a model, a component, a project.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
