"""Rollouts and experiments of `parcels` in a registry, for tests of what operators see of them."""

from __future__ import annotations

from typing import Any

from taxiway.delivery.evidence.measured import (
    Measured,
    Moments,
    Pairs,
    latency_bucket,
    score_bucket,
)
from taxiway.delivery.evidence.records import AUDIENCE, OTHERS, SHADOW, Of, write_measurements
from taxiway.delivery.experiment import moves
from taxiway.registry.auth.actor import Permission
from tests.taxiway.delivery.experiment.trials import a_design
from tests.taxiway.delivery.rollout.conftest import Delivered
from tests.taxiway.registry.conftest import ANN

METRICS = [{"name": "error_rate"}, {"name": "latency_p99"}, {"name": "nan_rate"}]
STEPS = [
    {"setAudience": {"headers": {"x-region": ["eu", "uk"]}}},
    {"setMirror": 50},
    {"setWeight": 10},
    {"analysis": {"interval": 60, "count": 3, "metrics": METRICS}},
    {"setAudience": {}},
    {"setWeight": 50},
    {"pause": {}},
]
DESIGN: dict[str, Any] = {
    "arms": [{"version": "1.0.2"}, {"version": "1.0.0"}, {"version": "1.0.1"}],
    "primary_metric": {"name": "profit", "effect": 0.1},
}


def some(requests: int, errors: int = 0, milliseconds: float = 5.0, **rest: Any) -> Measured:
    answered = requests - errors
    latency = {
        latency_bucket(milliseconds / 1e3): answered - answered // 50,
        latency_bucket(3 * milliseconds / 1e3): answered // 50,
    }
    return Measured(requests, errors, answered, 0, latency, {score_bucket(0.31): answered}, **rest)


def a_canary_in_its_analysis(delivered: Delivered) -> None:
    """At 10 % of an audience, with half of the requests copied, after one look that was good."""
    delivered.start({"kind": "canary", "steps": STEPS})
    for _ in range(4):
        delivered.ready()
    copied = Pairs(compared=4_000, agreed=3_960, drift=Moments(4_000, 8.0, 1.0), dropped=12)
    revision, model = delivered.now.route.revision, "parcels"
    stable, new = delivered.stable.name, delivered.new.name
    with delivered.database.working() as connection:
        write_measurements(
            connection,
            "another",
            [
                (Of(model, "", revision, stable, AUDIENCE), some(90_000, 45)),
                (Of(model, "", revision, stable, OTHERS), some(200_000, 80)),
                (Of(model, "", revision, new, AUDIENCE), some(10_000, 5, 5.2)),
                (Of(model, "", revision, new, SHADOW), some(4_000, 0, 6.0, pairs=copied)),
            ],
        )
    delivered.tick(60)


def an_experiment(delivered: Delivered, profits: tuple[float, ...], **keys: Any) -> None:
    """With rewards of so much on average, of 20,000 requests of each arm."""
    with delivered.database.changing(ANN, Permission.DEPLOY) as change:
        moves.start(change, a_design(**DESIGN | keys), "parcels", "", {"per_arm": 5_000})
    revision = delivered.now.route.revision
    found = []
    for arm, profit in zip(DESIGN["arms"], profits, strict=True):
        came = Moments(20_000, profit * 20_000, (profit * profit + 1.0) * 20_000)
        of = Of("parcels", "", revision, arm["version"], AUDIENCE)
        found.append((of, some(20_100, 100, rewards={"profit": came})))
    with delivered.database.working() as connection:
        write_measurements(connection, "another", found)
