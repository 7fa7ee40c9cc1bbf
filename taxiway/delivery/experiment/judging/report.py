"""What an experiment has shown and what is to be done, as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from taxiway.delivery.experiment.judging.findings import Findings
from taxiway.delivery.experiment.judging.plain import finite
from taxiway.delivery.experiment.judging.recommend import Recommendation


def report(found: Findings, recommended: Recommendation) -> dict[str, Any]:
    """All of it; effects are left out where they are withheld, and what is unknown is None."""
    withheld = recommended.action == "withheld"
    ratio, lost = found.sample_ratio, found.regret
    told = {
        "recommendation": recommended.to_json(),
        "days": found.days,
        "since": found.phase.since,
        "moved": found.phase.moved,
        "unit": "user" if found.keyed else "request",
        "units": found.units,
        "users": found.keyed,
        "arms": [asdict(arm) for arm in found.arms],
        "comparisons": [] if withheld else [one.to_json() for one in found.comparisons],
        "sample_ratio": ratio and asdict(ratio) | {"mismatch": ratio.mismatch},
        "counts": dict(found.counts),
        "regret": lost and asdict(lost),
    }
    known: dict[str, Any] = finite(told)
    if withheld:
        for arm in known["arms"]:
            arm["mean"] = None
    return known
