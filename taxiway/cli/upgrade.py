"""`taxiway upgrade`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.cli.options import AsJson
from taxiway.errors import EXIT_RUN_FAILED
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.scaffold.upgrade.upgrade import Upgraded


def upgrade(
    to: Annotated[
        str,
        typer.Option(
            help="A wheel, a checkout, a git address or a version; without it, the newest that "
            "the project's own source has."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Take a later version of Taxiway, and of its template, into this project."""
    import json
    from dataclasses import asdict

    from taxiway.process.project import project_root
    from taxiway.scaffold.upgrade.upgrade import upgrade_project

    done = upgrade_project(project_root(), to)
    typer.echo(json.dumps(asdict(done), indent=2) if as_json else "\n".join(_told(done)))
    if done.merged.conflicts:
        raise typer.Exit(EXIT_RUN_FAILED)


def _told(done: Upgraded) -> Iterator[str]:
    """What the user should know, and do next."""
    merged = done.merged
    files = f"{len(merged.changed)} file{'' if len(merged.changed) == 1 else 's'}"
    yield f"Taxiway {done.before.version} -> {done.after.version}, which changed {files}"
    for path in merged.conflicts:
        yield f"conflict   {one_line(path)}: changed here and in the template"
    for path in merged.kept_deleted:
        yield f"deleted    {one_line(path)}: as you did, though the template changed it"
    for path in merged.kept:
        yield f"kept       {one_line(path)}: you changed it, though the template has it no longer"
    if done.lock_kept:
        yield "kept       requirements.lock: it is your own; `make lock` renews it"
    yield "next:"
    if merged.conflicts:
        yield "  edit the conflicts, then git add them"
    yield "  git diff --cached     # git reset --hard undoes it all"
    yield f"  make {'lock ' if done.lock_kept else ''}install check test"
    yield "  git commit"
