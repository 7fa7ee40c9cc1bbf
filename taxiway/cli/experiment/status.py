"""`taxiway experiment status`: what was found, what is to be done, and what is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from taxiway.cli.experiment.starting import NameOption
from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.registry import open_registry
from taxiway.cli.rollout.commands import ModelOption
from taxiway.cli.table import print_table
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.delivery.experiment.records import ExperimentRecord

_ACTIONS: Final = {
    "ship": "ship {version}",
    "keep_control": "keep {version}",
    "keep_running": "keep running",
    "withheld": "withheld",
}
_LEFT_OUT: Final = {
    "named": "named a version",
    "override": "named one by hand",
    "outside": "outside of the audience",
    "other_routes": "by another route",
    "repeated": "with an id seen before",
    "crossed": "of users with two arms",
    "rewarded_fallback": "rewards of fallbacks",
    "duplicate_rewards": "rewards that came again",
    "unknown_rewards": "rewards of no request here",
}
"""What is counted and does not count, in words."""


def status(
    name: NameOption = "",
    model: ModelOption = "",
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say what an experiment has shown so far, and what is to be done about it.

    It may be looked at as often as you like: bounds hold at all looks at once.
    """
    registry = open_registry(config, assignments)
    from taxiway.delivery.experiment.records import RUNNING, find_experiment
    from taxiway.serving.decisions.experiments.look import look

    whose, where = model or registry.model, registry.environment(environment)
    with registry.database.reading() as connection:
        record = find_experiment(connection, whose, where, name)
    if record.phase == RUNNING:
        log = registry.config.serving.log
        seen = look(registry.database, Path(log.root), record, log.reward_window_hours).to_json()
    else:
        seen = record.outcome
    if as_json:
        typer.echo(json.dumps({"experiment": record.to_json(), **seen}, indent=2))
        return
    _print(record, seen)


def _print(record: ExperimentRecord, seen: Mapping[str, Any]) -> None:
    there = f" in {record.environment}" if record.environment else ""
    typer.echo(
        one_line(
            f"{record.name} of {record.model}{there}: {record.phase}, started {record.started_at} "
            f"by {record.started_by}"
        )
    )
    if record.stopped_at:
        serves = record.outcome.get("serves") or "what it had before"
        why = f": {record.reason}" if record.reason else ""
        typer.echo(one_line(f"stopped {record.stopped_at}, traffic went to {serves}{why}"))
    if "recommendation" not in seen:
        return
    for line in _recommended(seen["recommendation"]):
        typer.echo(one_line(line))
    _print_arms(seen["arms"])
    if seen["comparisons"]:
        typer.echo("")
        _print_comparisons(seen["comparisons"])
    typer.echo("")
    _print_model_metrics(seen["arms"])
    typer.echo("")
    for line in _told(seen):
        typer.echo(one_line(line))


def _recommended(found: Mapping[str, Any]) -> Iterator[str]:
    """In words."""
    told = _ACTIONS[found["action"]].format(version=found["version"])
    more = found["more_users"]
    needs = f", about {more:,} more users" if more else ""
    yield f"recommended: {told}{needs}"
    yield f"  {found['reason']}"
    for number, one in enumerate(found["look_at"]):
        yield f"  {'look at' if not number else '       '} {one}"


def _print_arms(arms: Sequence[Mapping[str, Any]]) -> None:
    columns = ("arm", "weight %", "users", "requests", "rewards", "mean")
    rows = [
        (
            arm["version"],
            f"{arm['weight']:g}",
            f"{arm['users']:,}",
            f"{arm['requests']:,}",
            f"{arm['rewarded']:,}",
            _number(arm["mean"]),
        )
        for arm in arms
    ]
    print_table(columns, rows, right=columns[1:])


def _print_comparisons(comparisons: Sequence[Mapping[str, Any]]) -> None:
    columns = ("metric", "arm", "effect", "lower", "upper", "p", "")
    rows = [
        (
            one["metric"],
            one["version"],
            _signed(one["effect"]),
            _signed(one["lower"]),
            _signed(one["upper"]),
            _p(one["p_value"]),
            _role(one),
        )
        for one in comparisons
    ]
    print_table(columns, rows, right=("effect", "lower", "upper", "p"))


def _role(one: Mapping[str, Any]) -> str:
    """What a metric is for, and how it stands."""
    if one["role"] == "guardrail":
        return f"guard {one['margin']:g}: {one['guard']}"
    if one["variance_left"] < 1.0:
        return f"{one['role']}, CUPED left {one['variance_left']:.0%}"
    return str(one["role"])


def _print_model_metrics(arms: Sequence[Mapping[str, Any]]) -> None:
    """What gateways have measured."""
    columns = ("arm", "measured", "errors %", "NaN %", "p50 ms", "p99 ms", "score")
    rows = [
        (
            arm["version"],
            f"{found['requests']:,}",
            _percent(found["error_rate"]),
            _percent(found["nan_rate"]),
            _number(found["latency_p50_ms"]),
            _number(found["latency_p99_ms"]),
            _number(found["score"]),
        )
        for arm in arms
        for found in [arm["model"]]
    ]
    print_table(columns, rows, right=columns[1:])


def _told(seen: Mapping[str, Any]) -> Iterator[str]:
    """Counts, the sample ratio, and the regret, in words."""
    counts, ratio, regret = seen["counts"], seen["sample_ratio"], seen["regret"]
    yield f"{counts['took_part']:,} requests{_whose(seen)} took part in {seen['days']:.1f} days"
    if ratio is not None:
        verdict = "does not match" if ratio["mismatch"] else "matches"
        yield f"the sample ratio {verdict} the weights (p = {_p(ratio['p_value'])})"
    if regret is not None and regret["observations"]:
        yield (
            f"regret {_number(regret['estimate'])} ({_number(regret['low'])} to "
            f"{_number(regret['high'])}) over {regret['observations']:,.0f} rewards, against "
            f"{regret['best']} every time"
        )
    left = [f"{counts[name]:,} {words}" for name, words in _LEFT_OUT.items() if counts.get(name)]
    if left:
        yield f"left out: {', '.join(left)}"
    if counts.get("late_rewards"):
        yield f"{counts['late_rewards']:,} rewards came more than a day late, and count"
    if seen["moved"]:
        yield f"traffic was moved since: {seen['moved']}"


def _whose(seen: Mapping[str, Any]) -> str:
    """Of users; a bandit chooses anew for each request, whoever it is of."""
    if seen["regret"] is not None:
        return ""
    nobody = seen["units"] - seen["users"]
    if not seen["users"]:
        return ", none of them with a key," if nobody else ""
    return f" of {seen['users']:,} users" + (f" and {nobody:,} without a key" if nobody else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.2f}"


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"
