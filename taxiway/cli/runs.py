"""`taxiway runs`: the index of runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve
from taxiway.cli.runs_reproduce import reproduce
from taxiway.errors import ConfigError, did_you_mean

app = typer.Typer(help="List runs, and make their index anew.", no_args_is_help=True)


@app.command(name="list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    pipeline: Annotated[str, typer.Option(help="Only runs of the pipeline of this name.")] = "",
    outcome: Annotated[
        str,
        typer.Option(
            help="Only runs that ended so: succeeded, failed, stopped, interrupted, unfinished."
        ),
    ] = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """List the newest runs of the registry's index."""
    from taxiway.cli.table import print_table
    from taxiway.metadata.records import Outcome
    from taxiway.registry.database.session import open_database
    from taxiway.registry.runs import UNFINISHED, list_runs

    outcomes = [*(one.value for one in Outcome), UNFINISHED]
    if outcome and outcome not in outcomes:
        raise ConfigError(
            f"--outcome: unknown outcome '{outcome}'{did_you_mean(outcome, outcomes)} "
            f"(known: {', '.join(outcomes)})",
            edit="--outcome",
        )
    database = open_database(resolve(config, assignments).registry)
    found = list_runs(database, limit, pipeline, outcome)
    if as_json:
        typer.echo(json.dumps([asdict(run) for run in found], indent=2))
        return
    print_table(
        ("run", "pipeline", "outcome", "started (UTC)", "seconds", "version", "failure"),
        [
            [
                run.run_id,
                run.pipeline,
                run.outcome,
                run.started_at[:16].replace("T", " "),
                f"{run.seconds:.1f}",
                run.version,
                (run.failure.splitlines() or [""])[0],
            ]
            for run in found
        ],
        right=["seconds"],
        empty="no runs here; `taxiway runs reindex` finds those of an older release",
    )


app.command()(reproduce)


@app.command()
def reindex(
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove runs that neither ML Metadata nor a folder knows any more."
        ),
    ] = False,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Make the index anew from ML Metadata and the runs' folders; tags and notes stay."""
    resolved = resolve(config, assignments)
    try:
        from taxiway.tracking.index import reindex as make_anew
    except ModuleNotFoundError as error:
        raise ConfigError(f"runs cannot be indexed: {error}", edit="taxiway/tracking") from None

    done = make_anew(resolved, prune)
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2))
        return
    typer.echo(
        f"{done.indexed} runs indexed: {done.in_metadata} known to ML Metadata, "
        f"{done.in_folders} by a folder, {done.in_both} of them by both"
    )
    if done.kept:
        typer.echo(f"{done.kept} more are in the index, which neither knows; --prune removes them")
    if done.removed:
        typer.echo(f"{done.removed} removed, which neither knew")
