"""`taxiway remove`: takes away what `taxiway new` has written."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson

app = typer.Typer(
    help="Take away what `taxiway new` has written.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def component(
    name: Annotated[str, typer.Argument(help="Of its folder, such as label_balance.")],
    force: Annotated[bool, typer.Option("--force", help="Also what was edited since.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a component, its test, and its lines in configs, README and pipelines."""
    from taxiway.process.project import project_root
    from taxiway.scaffold.component.remove import remove_component

    done = remove_component(project_root(), name, force=force)
    if as_json:
        typer.echo(json.dumps(done.to_json(), indent=2))
        return
    for path in done.removed:
        typer.echo(f"removed  {path}")
    for path in done.changed:
        typer.echo(f"changed  {path}")
