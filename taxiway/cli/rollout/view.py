"""How a rollout looks on a terminal: its steps, and what was found at its last look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from taxiway.cli.table import make_table
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from taxiway.delivery.analysis.look import Look, MetricLook
    from taxiway.delivery.rollout.state import Rollout

_DONE, _HERE, _FAILED, _AHEAD = "✓", "▸", "✗", ""
_PHASE_STYLES = {
    "Progressing": "cyan",
    "Paused": "yellow",
    "Inconclusive": "yellow",
    "Healthy": "green",
    "Degraded": "red",
}


def shown(rollout: Rollout, now: float) -> Group:
    """All of a rollout.

    Args:
      now: seconds since the epoch.
    """
    from rich.console import Group
    from rich.text import Text

    told = (
        f"rollout {rollout.id}: {rollout.version} beside {rollout.stable}, "
        f"{rollout.strategy.kind}, started by {rollout.started_by} at {rollout.started_at}"
    )
    stands = f"{rollout.phase} with {rollout.shape.weight:g}%: {rollout.reason}"
    parts: list[Text | Table] = [
        Text(one_line(told)),
        Text(one_line(stands), style=_PHASE_STYLES[rollout.phase]),
        make_table(("", "step", ""), _steps(rollout, now)),
    ]
    if rollout.looks:
        look = rollout.looks[-1]
        parts += [Text(_looked(look, now)), _metrics(look)]
    return Group(*parts)


def _steps(rollout: Rollout, now: float) -> Iterator[tuple[str, str, str]]:
    from taxiway.delivery.rollout.steps import LOAD, in_words

    names = ["load", *map(in_words, rollout.steps), "all traffic"]
    here = _FAILED if rollout.phase == "Degraded" else _HERE
    for index, name in enumerate(names, LOAD):
        if index < rollout.step or rollout.phase == "Healthy":
            yield _DONE, name, ""
        elif index == rollout.step:
            yield here, name, _how_far(rollout, now) if rollout.is_open else ""
        else:
            yield _AHEAD, name, ""


def _how_far(rollout: Rollout, now: float) -> str:
    if rollout.held is not None:
        return f"held for {_seconds(now - rollout.held)}"
    if rollout.begun is None:
        return f"waits for gateways for {_seconds(now - rollout.since)}"
    step = rollout.current
    if step is not None and step.pause is not None and step.pause.duration is not None:
        return f"{_seconds(rollout.begun + step.pause.duration - now)} left"
    if rollout.analysis is None:
        return ""
    counts = rollout.counts
    last = rollout.begun if rollout.looked is None else rollout.looked
    return (
        f"{counts.get('success', 0)} of {rollout.analysis.count} good, "
        f"{counts.get('failure', 0)} bad, {counts.get('inconclusive', 0)} told nothing; "
        f"next look in {_seconds(last + rollout.analysis.interval - now)}"
    )


def _looked(look: Look, now: float) -> str:
    told = (
        f"last look, {_seconds(now - look.at)} ago: {look.verdict} "
        f"({look.stable_requests:,} and {look.canary_requests:,} requests)"
    )
    if not look.shadow:
        return told
    copies = look.shadow
    return (
        f"{told}; of {copies['compared']:,} rows {copies['agreed']:.1%} agree, the score drifts by "
        f"{copies['drift']:+.4g}, {copies['dropped']:,} requests were not copied"
    )


def _metrics(look: Look) -> Table:
    columns = ("metric", "stable", "canary", "difference", "from", "to", "is")
    rows = (_metric(one) for one in look.metrics)
    return make_table(columns, rows, right=columns[1:-1])


def _metric(one: MetricLook) -> tuple[str, ...]:
    numbers = (one.stable, one.canary, one.difference, one.lower, one.upper)
    return one.name, *map(_number, numbers), one.verdict


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def _seconds(seconds: float) -> str:
    """Such as `45 s`, `3:20 min`, `2:05 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
