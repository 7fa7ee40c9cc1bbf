"""What people write on runs: `tag` and `note`."""

from __future__ import annotations

from typing import Annotated

import typer

from taxiway.cli.options import Assignments, ConfigFiles, Reason
from taxiway.cli.pairs import RemovedTags, TagPairs, check_tags, set_tags
from taxiway.cli.registry import open_registry
from taxiway.cli.runs.asked import RunArgument, find_run
from taxiway.terminal import one_line


def tag(
    run: RunArgument,
    pairs: TagPairs = None,
    removed: RemovedTags = None,
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Set tags of a run, or take some away."""
    from taxiway.registry.catalog.labels import Subject

    check_tags(pairs, removed)
    registry = open_registry(config, assignments)
    about = Subject("run", find_run(registry, run).run_id)
    set_tags(registry, about, pairs, removed, reason)


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
