"""`taxiway experiment replay`: what a policy would have earned, from the log of another."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxiway.cli.experiment.policy_file import read_policy
from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.progress_bar import progress_bar
from taxiway.cli.registry import OpenRegistry, open_registry
from taxiway.errors import EXIT_RUN_FAILED, ConfigError, did_you_mean
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.delivery.off_policy.evaluate import Estimate, Evaluation
    from taxiway.delivery.policies import Policy
    from taxiway.serving.decisions.rewards.replayed import Counts, Missing, Wanted

_ESTIMATORS = {
    "logged": "what was logged",
    "ips": "IPS",
    "snips": "SNIPS",
    "dm": "DM",
    "dr": "DR",
}
_WHY = {
    "named": "named their version",
    "outside_audience": "outside of the audience",
    "other_versions": "of other versions",
    "fallbacks": "fallbacks",
    "without_propensity": "without a propensity",
    "without_reward": "without a reward",
}


@dataclass(frozen=True)
class _Asked:
    """What is replayed: a model's decisions, and the reward that they are judged by."""

    model: str
    reward: str
    wanted: Wanted


def replay(
    policy: Annotated[Path, typer.Option(help="YAML: `kind` and its keys, such as thompson.")],
    experiment: Annotated[
        str, typer.Option(help="Whose decisions; without it all of the model.")
    ] = "",
    model: Annotated[str, typer.Option(help="Of the log; without it the config's.")] = "",
    since: Annotated[str, typer.Option(help="Such as 2026-03-01T12:00Z or 7d.")] = "",
    until: Annotated[str, typer.Option(help="The same.")] = "",
    reward: Annotated[str, typer.Option(help="Name; without it the experiment's, or reward.")] = "",
    missing: Annotated[
        str, typer.Option(help="Decisions without a reward: refuse, left_out, or zero.")
    ] = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say what a policy would have earned on logged decisions: IPS, SNIPS, DM, DR, with intervals.

    Exit code 1 where the log cannot say it, with the reasons.
    """
    evaluated = read_policy(policy)
    registry = open_registry(config, assignments)
    asked = _asked(registry, experiment, model, since, until, reward, missing, environment)
    counts, evaluation = _evaluated(registry, asked, evaluated, quiet=as_json)
    if as_json:
        told = {
            "model": asked.model,
            "experiment": experiment,
            "reward": asked.reward,
            "policy": evaluated.model_dump(mode="json"),
            "counts": counts.to_json(),
            "evaluation": evaluation.to_json(),
        }
        typer.echo(json.dumps(told, indent=2))
    else:
        _print(asked, evaluated, counts, evaluation)
    if evaluation.refusals:
        raise typer.Exit(EXIT_RUN_FAILED)


def _asked(
    registry: OpenRegistry,
    experiment: str,
    model: str,
    since: str,
    until: str,
    reward: str,
    missing: str,
    environment: str | None,
) -> _Asked:
    from taxiway.cli.log import logged_model
    from taxiway.registry.times import parse_moment
    from taxiway.serving.decisions.rewards.replayed import Wanted

    name = logged_model(registry.config, model)
    wanted = Wanted(
        since_us=_microseconds(parse_moment(since, "--since")) or 0,
        until_us=_microseconds(parse_moment(until, "--until")),
    )
    if experiment:
        from taxiway.delivery.experiment.records import find_experiment

        where = registry.environment(environment)
        with registry.database.reading() as connection:
            found = find_experiment(connection, name, where, experiment)
        metric = found.design.primary_metric
        reward = reward or metric.name
        missing = missing or ("zero" if metric.missing == "zero" else "")
        stopped = _microseconds(found.stopped_at)
        ends = [one for one in (wanted.until_us, stopped) if one is not None]
        wanted = replace(
            wanted,
            since_us=max(wanted.since_us, _microseconds(found.started_at) or 0),
            until_us=min(ends, default=None),
            first_revision=found.first_revision,
            versions=found.versions,
        )
    return _Asked(name, reward or "reward", replace(wanted, missing=_missing(missing)))


def _missing(given: str) -> Missing:
    from typing import get_args

    from taxiway.serving.decisions.rewards.replayed import Missing

    known: tuple[Missing, ...] = get_args(Missing)
    for one in known:
        if one == (given or "refuse"):
            return one
    raise ConfigError(
        f"--missing: got '{given[:40]}'{did_you_mean(given, known)}, expected {', '.join(known)}",
        edit="--missing",
    )


def _microseconds(moment: str) -> int | None:
    """Since 1970, of a time as the registry writes it; None for an empty one."""
    from datetime import datetime, timezone

    from taxiway.registry.database.tables import TIME_FORMAT

    if not moment:
        return None
    found = datetime.strptime(moment, TIME_FORMAT).replace(tzinfo=timezone.utc)
    return round(found.timestamp() * 1e6)


def _evaluated(
    registry: OpenRegistry, asked: _Asked, policy: Policy, quiet: bool
) -> tuple[Counts, Evaluation]:
    from taxiway.delivery.off_policy.evaluate import evaluate
    from taxiway.delivery.off_policy.replay import choices
    from taxiway.serving.decisions.rewards.joined import joined
    from taxiway.serving.decisions.rewards.replayed import replayable

    log = registry.config.serving.log
    table = joined(Path(log.root), asked.model, asked.reward, log.reward_window_hours).table
    named = tuple(getattr(policy, "weights", {}))
    logged, counts = replayable(table, asked.wanted, named)
    with progress_bar("replaying", quiet):
        targets = choices(policy, logged)
    found = evaluate(logged, targets)
    if asked.wanted.missing == "refuse" and counts.without_reward:
        reason = (
            f"{counts.without_reward:,} of {counts.used + counts.without_reward:,} decisions have "
            f"no reward '{asked.reward}': --missing zero if it is only posted when it happens, "
            "--missing left_out if it is missing by chance, or --until for those that are too new"
        )
        refusals = (reason, *(found.refusals if counts.used else ()))
        found = replace(found, estimates=(), refusals=refusals)
    return counts, found


def _print(asked: _Asked, policy: Policy, counts: Counts, found: Evaluation) -> None:
    typer.echo(one_line(f"{policy.kind} on decisions of {asked.model}, by {asked.reward}"))
    left_out = [f"{number:,} {_WHY[why]}" for why, number in counts.left_out.items()]
    without = f"; left out: {', '.join(left_out)}" if left_out else ""
    zero = f", {counts.counted_as_zero:,} of them as 0" if counts.counted_as_zero else ""
    typer.echo(f"{counts.used:,} of {counts.decisions:,} decisions used{zero}{without}")
    if found.refusals:
        for reason in found.refusals:
            typer.echo(one_line(f"refused: {reason}"), err=True)
        return
    _print_estimates(found)
    _print_how(policy, found)


def _print_estimates(found: Evaluation) -> None:
    from taxiway.cli.table import print_table

    def row(one: Estimate) -> tuple[str, ...]:
        against = (
            ("", "")
            if one.name == "logged"
            else _interval(one.difference, one.difference_lower, one.difference_upper, "+")
        )
        return (_ESTIMATORS[one.name], *_interval(one.value, one.lower, one.upper), *against)

    assert found.logged is not None
    columns = ("", "reward per decision", "95% interval", "more than logged", "95% interval ")
    print_table(columns, map(row, (found.logged, *found.estimates)), right=columns[1:])


def _interval(value: float, lower: float, upper: float, sign: str = "") -> tuple[str, str]:
    return f"{value:{sign}.4g}", f"{lower:{sign}.4g} to {upper:{sign}.4g}"


def _print_how(policy: Any, found: Evaluation) -> None:
    from taxiway.delivery.off_policy.replay import decisions_per_update
    from taxiway.delivery.policies.counted.weights import Weights

    typer.echo(
        f"effective sample size {found.effective_sample_size:,.0f} of {found.rows:,}, of "
        f"{found.units:,} people or requests; weights: mean {found.mean_weight:.3f}, "
        f"largest {found.largest_weight:.3g}"
    )
    if not isinstance(policy, Weights):
        step = decisions_per_update(found.rows)
        typer.echo(f"it chose each decision by what those before had taught it, {step:,} at a time")
    best = found.estimates[-1]
    verdict = (
        "would have earned more than what was logged"
        if best.difference_lower > 0
        else "would have earned less than what was logged"
        if best.difference_upper < 0
        else "cannot be told from what was logged"
    )
    typer.echo(f"by {_ESTIMATORS[best.name]} it {verdict}")
