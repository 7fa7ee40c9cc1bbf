"""What people write on runs: `tag` and `note`."""

from __future__ import annotations

from typing import Annotated

import typer

from taxiway.cli.options import Assignments, ConfigFiles, Reason
from taxiway.cli.pairs import pairs_of
from taxiway.cli.registry import open_registry
from taxiway.cli.runs.asked import RunArgument, find_run
from taxiway.errors import ConfigError
from taxiway.terminal import one_line


def tag(
    run: RunArgument,
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Tags to set.")
    ] = None,
    removed: Annotated[
        list[str] | None, typer.Option("--remove", help="Key of a tag to take away. Repeatable.")
    ] = None,
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Set tags of a run, or take some away."""
    from taxiway.registry.catalog.labels import Subject, change_tags

    if not (pairs or removed):
        raise ConfigError("no tag is given", edit="KEY=VALUE, or --remove KEY")
    registry = open_registry(config, assignments)
    about = Subject("run", find_run(registry, run).run_id)
    values = pairs_of(pairs or (), "KEY=VALUE")
    after = change_tags(registry.database, about, values, removed or (), registry.actor, reason)
    told = ", ".join(f"{key}={value}" for key, value in after.items()) or "no tags"
    typer.echo(f"{one_line(about.name)}: {one_line(told)}")


def note(
    run: RunArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="It stays as it is.")],
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Write a note on a run."""
    from taxiway.registry.catalog.labels import Subject, add_note

    registry = open_registry(config, assignments)
    about = Subject("run", find_run(registry, run).run_id)
    add_note(registry.database, about, text, registry.actor)
    typer.echo(f"noted on {one_line(about.name)}")
