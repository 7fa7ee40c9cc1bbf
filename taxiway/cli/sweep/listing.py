"""`taxiway sweep list` and `show`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve


def list_(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """List the newest sweeps."""
    from taxiway.cli.table import print_table
    from taxiway.registry.database.session import open_database
    from taxiway.registry.sweeps import list_sweeps, trials_of
    from taxiway.runners.sweep.design import Design
    from taxiway.runners.sweep.ranking import as_json as told
    from taxiway.runners.sweep.ranking import counts_text

    database = open_database(resolve(config, assignments).registry)
    found = [
        (one, Design.from_json(one.design), trials_of(database, one.id))
        for one in list_sweeps(database, limit)
    ]
    if as_json:
        typer.echo(json.dumps([told(*one) for one in found], indent=2))
        return
    print_table(
        ("sweep", "model", "started (UTC)", "by", "ranked by", "trials", "ended"),
        [
            (
                str(one.id),
                one.model,
                one.started_at[:16].replace("T", " "),
                design.sampler,
                design.objective.text,
                counts_text(trials),
                one.ending or f"no; taxiway sweep --resume {one.id}",
            )
            for one, design, trials in found
        ],
        empty="no sweeps here",
    )


def show(
    number: Annotated[int, typer.Argument(metavar="SWEEP", help="Its number.")],
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Show the trials of a sweep, ranked."""
    from taxiway.cli.sweep.printing import print_sweep
    from taxiway.registry.database.session import open_database
    from taxiway.registry.sweeps import read_sweep, trials_of
    from taxiway.runners.sweep.design import Design

    database = open_database(resolve(config, assignments).registry)
    found = read_sweep(database, number)
    print_sweep(found, Design.from_json(found.design), trials_of(database, number), as_json)
