"""What is told of a sweep: its trials ranked, those that are not and why, and what was shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from taxiway.registry.sweeps import Sweep, Trial
from taxiway.runners.sweep.design import Design
from taxiway.terminal import shell

_HOW: Final = {"complete": "ran", "cached": "reused"}
"""How a node ended, in the words of a sweep; any other state is told as it is."""


def ranked(design: Design, trials: Sequence[Trial]) -> list[Trial]:
    """Those with an objective, the best first; of equals the earlier."""
    sign = -1.0 if design.objective.higher else 1.0
    known = [(one.objective, one) for one in trials if one.objective is not None]
    return [one for _, one in sorted(known, key=lambda pair: (sign * pair[0], pair[1].number))]


def counts(trials: Sequence[Trial]) -> dict[str, int]:
    """How many trials ended in each way."""
    return dict(Counter(one.state for one in trials))


def shared(trials: Sequence[Trial]) -> dict[str, dict[str, int]]:
    """Of each node, in the order in which they first ran: how often it ran or was reused.

    Where it did not end well it is told as its trial is: failed, pruned, ...
    """
    found: dict[str, Counter[str]] = {}
    for trial in trials:
        for node, state in trial.nodes.items():
            how = trial.state if state == "failed" else _HOW.get(state, state)
            found.setdefault(node, Counter())[how] += 1
    return {node: dict(one) for node, one in found.items()}


def counts_text(trials: Sequence[Trial]) -> str:
    """Such as `12 trials: 9 complete, 2 pruned, 1 failed`."""
    parts = ", ".join(f"{count} {state}" for state, count in counts(trials).items())
    plural = "" if len(trials) == 1 else "s"
    return f"{len(trials)} trial{plural}" + (f": {parts}" if parts else "")


def shared_text(trials: Sequence[Trial]) -> list[str]:
    """Which nodes ran how often, those alike in one line."""
    alike: dict[str, list[str]] = {}
    for node, how in shared(trials).items():
        told = ", ".join(f"{what} {count}" for what, count in how.items())
        alike.setdefault(told, []).append(node)
    return [f"{told}: {', '.join(nodes)}" for told, nodes in alike.items()]


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """The last part of each key, or all of it where two have the same."""
    last = Counter(key.rpartition(".")[2] for key in keys)
    names = {key: key.rpartition(".")[2] for key in keys}
    return {key: name if last[name] == 1 else key for key, name in names.items()}


def best_command(design: Design, trials: Sequence[Trial]) -> str:
    """The command that runs the best trial's config; empty where there is none."""
    best = next(iter(ranked(design, trials)), None)
    if best is None:
        return ""
    given = {**design.space.fixed, **{key: best.given[key] for key in design.space.dimensions}}
    sets = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    return shell(["taxiway", "run", *design.options, *sets])


def as_json(sweep: Sweep, design: Design, trials: Sequence[Trial]) -> dict[str, Any]:
    """All that is told, as plain values."""
    best = ranked(design, trials)
    rank = {one.number: place for place, one in enumerate(best, start=1)}
    others = [one for one in trials if one.number not in rank]
    return {
        "sweep": sweep.id,
        "model": sweep.model,
        "started_at": sweep.started_at,
        "started_by": sweep.started_by,
        "ending": sweep.ending,
        "design": design.to_json(),
        "counts": counts(trials),
        "nodes": shared(trials),
        "best": best_command(design, trials),
        "trials": [_trial(one, rank.get(one.number)) for one in (*best, *others)],
    }


def _trial(trial: Trial, rank: int | None) -> Mapping[str, Any]:
    return {"rank": rank, **asdict(trial)}
