"""`taxiway experiment plan`, `start` and `ramp`: what it takes is told first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment, Reason
from taxiway.cli.registry import OpenRegistry, open_registry
from taxiway.cli.rollout.commands import WAIT_SECONDS, ModelOption, Wait
from taxiway.errors import ConfigError
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.delivery.experiment.judging.planning import Planned
    from taxiway.delivery.experiment_section import Experiment
    from taxiway.delivery.policies.policy import State
    from taxiway.registry.database.session import Change
    from taxiway.registry.routes.moves import Move

NameOption = Annotated[
    str,
    typer.Option("--name", help="Of the experiment; without it the one that runs, or did last."),
]


def plan(
    model: ModelOption = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say how many users and days the config's experiment takes, and start nothing."""
    registry = open_registry(config, assignments)
    registry.environment(environment)
    design, planned = _planned(registry, model or registry.model)
    if as_json:
        typer.echo(json.dumps({"name": design.name, "plan": planned.to_json()}, indent=2))
        return
    _print_plan(design, planned)


def start(
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    warm_start: Annotated[
        bool, typer.Option("--warm-start", help="Have a bandit learn from the log first.")
    ] = False,
    wait: Wait = WAIT_SECONDS,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Start the config's experiment (delivery.experiment), after telling what it takes.

    Exits with 1 where a gateway has not taken it up in time; the move stands, and it still tries.
    """
    registry = open_registry(config, assignments)
    from taxiway.cli.rollout.by_registry import move_by_registry
    from taxiway.cli.rollout.outcome import tell
    from taxiway.delivery.experiment import moves
    from taxiway.delivery.experiment.moves import Started

    name, where = model or registry.model, registry.environment(environment)
    design, planned = _planned(registry, name)
    if not as_json:
        _print_plan(design, planned)
    learnt = _learnt(registry, name, design, as_json) if warm_start else None
    started: list[Started] = []

    def move(change: Change, expected: int) -> Move:
        made = moves.start(change, design, name, where, planned.to_json(), learnt, expected, reason)
        started.append(made)
        return made.move

    outcome = move_by_registry(registry, name, where, move, None, wait)
    if as_json:
        told = {"experiment": started[-1].record.to_json(), **outcome.to_json()}
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(one_line(f"started {design.name}; next: taxiway experiment status"))
    tell(outcome, wait, as_json=False)


def ramp(
    shares: Annotated[
        list[str],
        typer.Argument(metavar="VERSION=PERCENT...", help="Of every arm: 100 in all."),
    ],
    model: ModelOption = "",
    environment: Environment = None,
    reason: Reason = "",
    wait: Wait = WAIT_SECONDS,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Give the arms of the running experiment other weights; effects are counted from here on.

    A user leaves an arm only where it gets less than it had. Exits as `start`.
    """
    from taxiway.cli.rollout.commands import parsed_shares

    named = dict(parsed_shares(shares))
    registry = open_registry(config, assignments)
    from taxiway.cli.rollout.by_registry import move_by_registry
    from taxiway.cli.rollout.outcome import tell
    from taxiway.delivery.experiment import moves
    from taxiway.delivery.experiment.records import find_experiment
    from taxiway.registry.catalog.references import find
    from taxiway.registry.routes.moves import parse_weight

    name, where = model or registry.model, registry.environment(environment)

    def move(change: Change, expected: int) -> Move:
        del expected  # it must be the experiment's own route, which `ramp` looks at
        connection = change.connection
        record = find_experiment(connection, name, where)
        slots = {
            find(connection, version, name).name: parse_weight(percent)
            for version, percent in named.items()
        }
        unknown = sorted(slots.keys() - set(record.versions))
        if unknown:
            arms = ", ".join(record.versions)
            raise ConfigError(
                f"{', '.join(unknown)} is no arm of {record.name}, which has {arms}",
                edit="VERSION=PERCENT",
            )
        wanted = [slots.get(version, 0) for version in record.versions]
        return moves.ramp(change, record, wanted, reason).move

    tell(move_by_registry(registry, name, where, move, None, wait), wait, as_json)


def _planned(registry: OpenRegistry, model: str) -> tuple[Experiment, Planned]:
    """The config's experiment, and what it takes."""
    from taxiway.delivery.experiment.judging.planning import planned
    from taxiway.delivery.experiment.moves import resolved
    from taxiway.serving.decisions.experiments.before import before

    design = registry.config.delivery.experiment
    if design is None:
        raise ConfigError(
            "the config has no experiment", edit="delivery.experiment: name, arms, primary_metric"
        )
    with registry.database.reading() as connection:
        control = resolved(connection, design, model).arms[0].version
    log = registry.config.serving.log
    known = before(Path(log.root), model, design, control, log.reward_window_hours)
    return design, planned(design, known)


def _learnt(registry: OpenRegistry, model: str, design: Experiment, as_json: bool) -> State:
    from taxiway.delivery.experiment.moves import resolved
    from taxiway.serving.decisions.experiments.warm import learnt_before

    if not design.learns:
        raise ConfigError(
            "--warm-start: the policy is weights, which learn nothing",
            edit="delivery.experiment.policy",
        )
    log = registry.config.serving.log
    with registry.database.reading() as connection:
        named = resolved(connection, design, model)
    state, observations = learnt_before(Path(log.root), model, named, log.reward_window_hours)
    if not as_json:
        typer.echo(f"{design.policy.kind} has learnt from {observations:,} rewards of the log")
    return state


def _print_plan(design: Experiment, planned: Planned) -> None:
    from taxiway.cli.table import print_table

    metric, before = design.primary_metric, planned.before
    arms = f"{len(design.arms)} arms" if len(design.arms) > 2 else "2 arms"
    typer.echo(
        one_line(
            f"{design.name}: {arms}, {metric.name} to {metric.goal} by {metric.effect:g} or more, "
            f"alpha {design.alpha:g}, power {design.power:g}"
        )
    )
    if planned.fixed is None or planned.sequential is None:
        typer.echo(
            "how many users that takes is not known: the log has no such reward of the control; "
            "give primary_metric.baseline"
        )
        return
    where = "the config" if before.source == "config" else f"{before.users:,} users of the log"
    left = f", of which {design.covariate} leaves {before.variance_left:.0%} of the variance"
    typer.echo(
        one_line(
            f"by {where}: mean {before.mean:.4g}, standard deviation "
            f"{before.standard_deviation:.4g}{left if design.covariate else ''}"
        )
    )
    rows = [
        (looks, f"{size.users:,}", "not known" if size.days is None else f"{size.days:.1f}")
        for looks, size in (
            ("one, at the end", planned.fixed),
            ("as many as you like", planned.sequential),
        )
    ]
    print_table(("looks", "users", "days"), rows, right=("users", "days"))
    typer.echo(
        f"status may be looked at as often as you like: that takes {planned.price_of_peeking:.2f} "
        "times as many users where the effect is just that, and fewer where it is greater"
    )
