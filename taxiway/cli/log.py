"""`taxiway log`: what was asked and answered, what came of it, and how it is removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, resolve
from taxiway.errors import EXIT_RUN_FAILED, ConfigError, did_you_mean

if TYPE_CHECKING:
    from taxiway.config.schema import Config

app = typer.Typer(
    help="Read and tend the log of decisions.", no_args_is_help=True, rich_markup_mode=None
)
_ModelName = Annotated[str, typer.Option("--model", help="Of the log; without it the config's.")]
_SHOWN = ("time", "request_id", "row", "version", "arm", "propensity", "latency_ms", "key")


@app.command()
def status(
    config: ConfigFiles = None, assignments: Assignments = None, as_json: AsJson = False
) -> None:
    """Count what the log has of each model, and what gateways took that it has not."""
    from taxiway.cli.table import print_table
    from taxiway.serving.decisions.upkeep.status import read_status

    found = read_status(_root(resolve(config, assignments)))
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
        return
    print_table(
        ("model", "rows", "rewards", "files", "MB", "spans"),
        [
            (
                *(one.model, f"{one.rows:,}", f"{one.rewards:,}", str(one.files)),
                *(f"{one.bytes / 1e6:.1f}", f"{one.first_span} to {one.last_span}"),
            )
            for one in found.models
        ],
        right=("rows", "rewards", "files", "MB"),
        empty=f"no decisions in {found.root}",
    )
    print_table(
        ("gateway", "state", "accepted", "written", "dropped", "lost", "waiting MB"),
        [
            (
                *(one.gateway, one.state),
                *(f"{count:,}" for count in (one.accepted, one.written, one.dropped, one.lost)),
                f"{one.waiting_bytes / 1e6:.1f}",
            )
            for one in found.gateways
        ],
        right=("accepted", "written", "dropped", "lost", "waiting MB"),
    )


@app.command()
def show(
    model: _ModelName = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 20,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest rows of a model; --json has all of their columns."""
    from taxiway.cli.table import print_table
    from taxiway.serving.decisions.upkeep.newest import newest_rows

    settings = resolve(config, assignments)
    rows = newest_rows(_root(settings), logged_model(settings, model), limit)
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str))
        return
    print_table(
        [name.replace("_", " ") for name in _SHOWN],
        [[_cell(row.get(f"_taxiway_{name}")) for name in _SHOWN] for row in rows],
        right=("row", "propensity", "latency ms"),
        empty="no decisions are Parquet yet",
    )


@app.command()
def reward(
    request_id: Annotated[str, typer.Argument(help="As the answer's header has it.")],
    value: Annotated[float, typer.Argument(help="What came of the decision.")],
    name: Annotated[str, typer.Option(help="Where a model has several rewards.")] = "reward",
    model: _ModelName = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
) -> None:
    """Record what came of a decision; the same again counts once."""
    import asyncio

    from taxiway.serving.decisions.log import DecisionLog
    from taxiway.serving.decisions.parquet.convert import convert_all
    from taxiway.serving.decisions.record import Reward

    settings = resolve(config, assignments)
    whose = model or settings.model.name
    always = settings.serving.log.model_copy(update={"sync": "always"})
    log = DecisionLog(always, convert=False)
    try:
        asyncio.run(log.record_reward(Reward(request_id, value, whose, name)))
    finally:
        log.close()
    convert_all(_root(settings))
    typer.echo(f"{name} {value:g} of {whose}, request {request_id}")


@app.command()
def rewards(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a head, Parquet or JSON lines: request_id or key, value, name, at."
        ),
    ],
    model: _ModelName = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Record what came of many decisions; rows that are no reward are told, with exit code 1.

    The same file again counts once: of each request, the latest reward of a name counts.
    """
    import asyncio

    from taxiway.serving.decisions.log import DecisionLog
    from taxiway.serving.decisions.parquet.convert import convert_all
    from taxiway.serving.decisions.rewards.batch import take_file
    from taxiway.terminal import one_line

    settings = resolve(config, assignments)
    whose = model or settings.model.name
    always = settings.serving.log.model_copy(update={"sync": "always"})
    log = DecisionLog(always, convert=False)
    try:
        taken = asyncio.run(take_file(log, whose, file))
    finally:
        log.close()
        convert_all(_root(settings))
    if as_json:
        typer.echo(json.dumps(taken.to_json(), indent=2))
    else:
        for why in taken.reasons.values():
            typer.echo(one_line(why), err=True)
        counts = f"{taken.accepted:,} of {taken.rows:,} rewards taken, {taken.refused:,} refused"
        typer.echo(f"{whose}: {counts}")
    if taken.refused:
        raise typer.Exit(EXIT_RUN_FAILED)


@app.command()
def clean(
    config: ConfigFiles = None, assignments: Assignments = None, as_json: AsJson = False
) -> None:
    """Convert what killed gateways left, and remove days older than serving.log.retention_days."""
    from taxiway.serving.decisions.parquet.convert import convert_all
    from taxiway.serving.decisions.upkeep.retention import clean as clean_log

    settings = resolve(config, assignments)
    root = _root(settings)
    recovered = convert_all(root)
    removed = clean_log(root, settings.serving.log.retention_days)
    if as_json:
        told = {"removed": [str(path) for path in removed]}
        told["recovered"] = [account.gateway for account in recovered]
        typer.echo(json.dumps(told, indent=2))
        return
    for account in recovered:
        typer.echo(f"recovered {account.gateway}: {account.rows} rows, {account.lost} records lost")
    for path in removed:
        typer.echo(f"removed {path}")
    if not removed and not recovered:
        typer.echo(f"nothing in {root} is to be cleaned")


@app.command()
def erase(
    key: Annotated[str, typer.Option(help="Whose rows: a value of the column serving.log.key.")],
    wait: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds for running gateways to take part.")
    ] = 60.0,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Remove all rows of a person, and say where they were; the audit keeps a hash of the key.

    What was made of the log elsewhere, such as examples of earlier runs, is not looked at.
    """
    from taxiway.cli.registry import open_registry
    from taxiway.registry.auth.actor import Permission
    from taxiway.serving.decisions.erasure.erase import digest_of
    from taxiway.serving.decisions.erasure.erase import erase as erase_rows

    registry = open_registry(config, assignments)
    settings = registry.config.serving.log
    root = _root(registry.config)
    subject = f"log:{digest_of(root, key)[:16]}"
    with registry.database.changing(registry.actor, Permission.ADMINISTER) as change:
        change.record("log.erasing", subject)
    erased = erase_rows(root, settings.key, key, wait)
    found = erased.to_json()
    with registry.database.changing(registry.actor, Permission.ADMINISTER) as change:
        after = {"rows": found["rows"], "rewards": found["rewards"], "digest": found["digest"]}
        change.record("log.erased", subject, None, after)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for place in found["places"]:
        typer.echo(f"{place['rows']:>8,} {place['kind']} in {place['place']}")
    typer.echo(f"removed {found['rows']:,} rows of decisions and {found['rewards']:,} rewards")


def _root(config: Config) -> Path:
    return Path(config.serving.log.root)


def logged_model(config: Config, given: str) -> str:
    """The model that was named, else the config's.

    Raises:
      ConfigError: the log has none of this name.
    """
    from taxiway.serving.decisions.layout import models

    known = models(_root(config))
    if given and given not in known:
        raise ConfigError(
            f"--model: the log has no model '{given}'{did_you_mean(given, known)} "
            f"(known: {', '.join(known) or 'none'})",
            edit="--model",
        )
    return given or config.model.name


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
