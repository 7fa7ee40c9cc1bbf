"""Experiments made of numbers: users, what they were given, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.experiment.judging.findings import Findings, judge
from taxiway.delivery.experiment.judging.recommend import Recommendation, decide
from taxiway.delivery.experiment.judging.requests import Came, Requests
from taxiway.delivery.experiment.phases import Phase
from taxiway.delivery.experiment_section import Experiment
from taxiway.registry.routes.route import STABLE

Floats = npt.NDArray[np.float64]
VERSIONS = ("1.0.0", "1.1.0", "1.2.0", "1.3.0")


def a_design(count: int = 2, /, **keys: Any) -> Experiment:
    given = {
        "name": "prices",
        "arms": [{"version": version} for version in VERSIONS[:count]],
        "primary_metric": {"name": "reward", "effect": 0.1},
        "minimum_days": 0,
    }
    return Experiment.model_validate(given | keys)


def a_phase(design: Experiment, moved: str = "") -> Phase:
    names = (STABLE, *(arm.version for arm in design.arms[1:]))
    since = "2026-03-01T12:00:00.000000Z"
    return Phase((7,), since, design.slots, names, not moved, moved)


def rewards(values: Floats, source: npt.NDArray[np.int64] | None = None) -> Came:
    """One for each request; NaN for none."""
    places = np.where(np.isfinite(values), np.arange(len(values)), -1)
    return Came(values, places if source is None else source, np.zeros(len(values), bool))


def a_trial(
    values: Sequence[Floats],
    *,
    requests_of: Sequence[npt.NDArray[np.int64]] | None = None,
    covariate: Sequence[Floats] | None = None,
    further: Mapping[str, Sequence[Floats]] | None = None,
    fallback: Sequence[npt.NDArray[np.bool_]] | None = None,
    latency_ms: Sequence[Floats] | None = None,
) -> Requests:
    """Requests of arms, a list entry for each arm, an item for each request.

    Args:
      values: of the reward; NaN where none came.
      requests_of: by request, which of its arm's users it is of; each is of its own otherwise.
    """
    sizes = [len(one) for one in values]
    units, first = [], 0
    for place, size in enumerate(sizes):
        own = np.arange(size) if requests_of is None else requests_of[place]
        units.append(first + own)
        first += int(own.max()) + 1 if size else 0
    total = sum(sizes)
    came = {"reward": rewards(np.concatenate(values))}
    for name, one in (further or {}).items():
        came[name] = rewards(np.concatenate(one))
    return Requests(
        np.repeat(np.arange(len(values)), sizes),
        np.concatenate(units),
        first,
        np.zeros(total, bool) if fallback is None else np.concatenate(fallback),
        np.full(total, 5.0) if latency_ms is None else np.concatenate(latency_ms),
        np.full(total, 1 / len(values)),
        came,
        None if covariate is None else np.concatenate(covariate),
    )


def found(
    design: Experiment,
    requests: Requests,
    measured: Mapping[str, Measured] | None = None,
    days: float = 30.0,
    moved: str = "",
) -> Findings:
    return judge(design, a_phase(design, moved), requests, measured or {}, None, days)


def recommended(design: Experiment, requests: Requests, **named: Any) -> Recommendation:
    return decide(found(design, requests, **named))
