"""`taxiway experiment stop` and `list`: an experiment ends, and its outcome is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment, Reason
from taxiway.cli.registry import OpenRegistry, open_registry
from taxiway.cli.rollout.commands import WAIT_SECONDS, ModelOption, Wait
from taxiway.cli.table import print_table
from taxiway.errors import TaxiwayError
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.delivery.experiment.records import ExperimentRecord
    from taxiway.registry.routes.moves import Move


def stop(
    promote: Annotated[
        str, typer.Option(metavar="VERSION", help="Gets all traffic; without it the control does.")
    ] = "",
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    wait: Wait = WAIT_SECONDS,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """End the running experiment, and keep what was found.

    Exits with 1 where a gateway has not taken it up in time; the move stands, and it still tries.
    """
    registry = open_registry(config, assignments)
    from taxiway.delivery.experiment import moves
    from taxiway.delivery.experiment.records import find_experiment
    from taxiway.registry.auth.actor import Permission
    from taxiway.registry.catalog.references import find

    name, where = model or registry.model, registry.environment(environment)
    with registry.database.reading() as connection:
        record = find_experiment(connection, name, where)
    outcome = _seen(registry, record)
    with registry.database.changing(registry.actor, Permission.DEPLOY) as change:
        winner = find(change.connection, promote, name) if promote else None
        move = moves.stop(change, record, outcome, winner, reason)
    _tell(registry, record, move, wait, as_json)


def list_experiments(
    model: ModelOption = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """List the experiments of a model, newest first, with what became of each."""
    registry = open_registry(config, assignments)
    from taxiway.delivery.experiment.records import history

    name, where = model or registry.model, registry.environment(environment)
    with registry.database.reading() as connection:
        found = history(connection, name, where)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in found], indent=2))
        return
    print_table(
        ("name", "phase", "arms", "policy", "started", "serves", "why"),
        [
            (
                one.name,
                one.phase,
                " ".join(one.versions),
                one.design.policy.kind,
                one.started_at[:16],
                one.outcome.get("serves", ""),
                one.reason,
            )
            for one in found
        ],
        empty=f"{name} had no experiment yet; next: taxiway experiment start",
    )


def _seen(registry: OpenRegistry, record: ExperimentRecord) -> dict[str, Any]:
    """What was found up to now; empty where it cannot be told, which must keep nobody from it."""
    from taxiway.serving.decisions.experiments.look import look

    log = registry.config.serving.log
    try:
        seen = look(registry.database, Path(log.root), record, log.reward_window_hours)
    except (OSError, TaxiwayError) as error:
        typer.echo(one_line(f"the log cannot be read, so no outcome is kept: {error}"), err=True)
        return {}
    return seen.to_json()


def _tell(
    registry: OpenRegistry, record: ExperimentRecord, move: Move | None, wait: float, as_json: bool
) -> None:
    from taxiway.cli.rollout.by_registry import taken_up
    from taxiway.cli.rollout.outcome import tell

    if move is None:
        told = "its traffic was moved by hand before, and stays as it is"
        if as_json:
            typer.echo(json.dumps({"experiment": record.name, "moved": False}, indent=2))
        else:
            typer.echo(one_line(f"stopped {record.name}; {told}"))
        return
    if not as_json:
        typer.echo(one_line(f"stopped {record.name}"))
    tell(taken_up(registry, move, wait), wait, as_json)
