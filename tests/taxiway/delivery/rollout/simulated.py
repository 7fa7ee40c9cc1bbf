"""Canaries by the thousand: the real machine and its real analysis, on drawn counts and a clock.

What a gateway would have measured in an interval is drawn as counts: binomial errors, NaN and
rewards, and multinomial latencies over the buckets of `Measured`. No request is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from taxiway.delivery.evidence.measured import Measured, Moments, latency_bucket
from taxiway.delivery.evidence.records import AUDIENCE, Measurement, Of
from taxiway.delivery.rollout.machine import Gateways, advance
from taxiway.delivery.rollout.state import Rollout
from taxiway.delivery.section import Canary
from taxiway.registry.routes.records import Revision
from taxiway.registry.routes.route import Arm, Route

INTERVAL: Final = 60.0
METRICS: Final = ("error_rate", "latency_p99", "nan_rate", "reward")
LOOKS: Final[dict[str, Any]] = {
    "interval": INTERVAL,
    "count": 2,
    "inconclusiveLimit": 8,
    "metrics": [{"name": name} for name in METRICS],
}
STEPS: Final = Canary.model_validate(
    {
        "kind": "canary",
        "steps": [
            *({"setWeight": 1}, {"analysis": LOOKS}),
            *({"setWeight": 10}, {"analysis": LOOKS}),
            *({"setWeight": 50}, {"analysis": LOOKS}),
        ],
    }
)
TRAFFIC: Final = 240_000
"""Requests in an interval, each with one row and, sooner or later within it, a reward."""
_MEDIAN: Final = 0.008
_SPREAD: Final = 0.5
"""Seconds, and the deviation of their logarithm: the p99 is 26 ms."""


@dataclass(frozen=True)
class Nature:
    """What a version is like.

    Args:
      errors: share of its requests.
      nan: share of its rows.
      reward: share of its requests that earn 1; the others earn nothing.
      slow: by how much its slowest hundredth is slower; the fastest nine tenths are as they were.
    """

    errors: float = 0.01
    nan: float = 0.0
    reward: float = 0.5
    slow: float = 1.0
    _shares: dict[int, float] = field(default_factory=dict, compare=False)

    @property
    def latencies(self) -> Mapping[int, float]:
        """Share of its answers by bucket."""
        if not self._shares:
            quantiles = (np.arange(100_000) + 0.5) / 100_000
            stretched = np.clip((quantiles - 0.9) / 0.09, 0.0, 1.0) * (self.slow - 1.0) + 1.0
            seconds = _MEDIAN * np.exp(_SPREAD * _normal(quantiles)) * stretched
            buckets = [latency_bucket(float(one)) for one in seconds]
            found, counts = np.unique(buckets, return_counts=True)
            shares = zip(found.tolist(), (counts / len(buckets)).tolist(), strict=True)
            self._shares.update(dict(shares))
        return self._shares

    def measured(self, requests: int, drawn: np.random.Generator) -> Measured:
        """What is measured of so many requests."""
        errors = int(drawn.binomial(requests, self.errors))
        answered = requests - errors
        shares = self.latencies
        counts = drawn.multinomial(answered, list(shares.values())).tolist()
        earned = int(drawn.binomial(answered, self.reward))
        return Measured(
            requests,
            errors,
            answered,
            int(drawn.binomial(answered, self.nan)),
            {bucket: count for bucket, count in zip(shares, counts, strict=True) if count},
            rewards={"reward": Moments(answered, float(earned), float(earned))},
        )


EQUAL: Final = Nature()
NATURES: Final[dict[str, Nature]] = {
    "equal": EQUAL,
    "errors 1 -> 3 %": Nature(errors=0.03),
    "p99 x 1.5": Nature(slow=1.5),
    "NaN 0.5 %": Nature(nan=0.005),
    "reward -10 %": Nature(reward=0.45),
}


@dataclass(frozen=True)
class Outcome:
    """How a canary ended.

    Args:
      phase: that it ended in, or in which it waits for someone.
      intervals: from its first analysis to that.
      exposed: share of all requests since its start that went to it.
      reason: as it says.
    """

    phase: str
    intervals: int
    exposed: float
    reason: str


def roll_out(nature: Nature, seed: int, traffic: int = TRAFFIC) -> Outcome:
    """Plays one canary to its end, or until it waits for someone.

    Args:
      nature: of the new version; the stable one is EQUAL.
      seed: of all that is drawn.
      traffic: requests in an interval.
    """
    drawn = np.random.default_rng(seed)
    rollout = Rollout(1, "m", "", "new", "stable", STEPS, 600.0, revision=1, first_revision=1)
    now, seen, to_new, intervals = 0.0, 0, 0, -1
    sums = {"stable": Measured(), "new": Measured()}
    while rollout.is_open and rollout.phase != "Inconclusive":
        made = advance(rollout, now, _evidence(rollout, sums), _route(rollout), Gateways(1))
        rollout = made.rollout
        if made.shape is not None:
            rollout = rollout.with_(revision=rollout.revision + 1)
            sums = {"stable": Measured(), "new": Measured()}
            continue
        share = rollout.shape.slots / 10_000
        new = int(drawn.binomial(traffic, share))
        sums["new"] += nature.measured(new, drawn)
        sums["stable"] += EQUAL.measured(traffic - new, drawn)
        now, seen, to_new, intervals = now + INTERVAL, seen + traffic, to_new + new, intervals + 1
    return Outcome(rollout.phase, intervals, to_new / max(seen, 1), rollout.reason)


def _evidence(rollout: Rollout, sums: Mapping[str, Measured]) -> list[Measurement]:
    return [
        Measurement(Of("m", "", rollout.revision, version, AUDIENCE), "gateway", found)
        for version, found in sums.items()
    ]


def _route(rollout: Rollout) -> Revision:
    route = Route("m", "", rollout.revision, "", (Arm("stable", "stable", 1, "/1"),))
    return Revision(route, "rollout.load", 0, "gateway", "", "")


def _normal(quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard normal's, by bisection of its distribution on a grid."""
    grid = np.linspace(-6.0, 6.0, 200_001)
    below = np.array([0.5 * (1.0 + math.erf(one / math.sqrt(2.0))) for one in grid[::100]])
    found: NDArray[np.float64] = np.interp(quantiles, below, grid[::100])
    return found
