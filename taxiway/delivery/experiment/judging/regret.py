"""What a bandit has lost by not choosing the best arm every time, from its log."""

from __future__ import annotations

import numpy as np

from taxiway.delivery.experiment.judging.requests import Requests
from taxiway.delivery.experiment_section import Experiment
from taxiway.delivery.policies.counted.sums import Sums
from taxiway.delivery.policies.logs import Regret, contextual_regret, regret
from taxiway.delivery.policies.policy import Observation


def told_regret(design: Experiment, requests: Requests) -> Regret:
    """Over the requests whose reward has come; see `policies.logs.regret`."""
    came = requests.rewards.get(design.primary_metric.name)
    if came is None:
        return regret({})
    versions = [arm.version for arm in design.arms]
    rows = np.flatnonzero(np.isfinite(came.values) & ~requests.fallback)
    arms, values = requests.arm[rows], came.values[rows]
    if design.policy.contextual:
        propensities = requests.propensity[rows]
        return contextual_regret(
            Observation(versions[arm], float(value), propensity=float(propensity))
            for arm, value, propensity in zip(arms, values, propensities, strict=True)
        )
    count = len(versions)
    sums = zip(
        np.bincount(arms, minlength=count),
        np.bincount(arms, values, count),
        np.bincount(arms, values * values, count),
        strict=True,
    )
    return regret(
        {
            version: Sums(float(n), float(total), float(squares))
            for version, (n, total, squares) in zip(versions, sums, strict=True)
        }
    )
