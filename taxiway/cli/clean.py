"""`taxiway clean`: removes what is kept for runs whose folders are gone."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve
from taxiway.errors import ConfigError


def clean(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")
    ] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Remove kept input files (data.keep) that no run's record names; nothing else is touched."""
    try:
        from taxiway.tracking.kept import FOLDER, unused
    except ModuleNotFoundError as error:
        raise ConfigError(f"nothing is kept: {error}", edit="taxiway/tracking") from None

    root = resolve(config, assignments).output.root
    found = sorted(unused(root))
    size = sum(path.stat().st_size for path in found)
    for path in found if not dry_run else ():
        path.unlink(missing_ok=True)
    if as_json:
        told = {"files": list(map(str, found)), "bytes": size, "removed": not dry_run}
        typer.echo(json.dumps(told, indent=2))
        return
    files = f"{len(found)} file{'' if len(found) == 1 else 's'} ({size:,} bytes)"
    would = "would be removed" if dry_run else "removed"
    typer.echo(f"{files} {would} from {root}/{FOLDER}, which no run's record names")
