"""A bandit in real gateways: what is posted of its decisions moves the traffic."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable

import pytest
from sqlalchemy import func, select

from taxiway.delivery.evidence.records import read_measurements, summed
from taxiway.delivery.experiment.moves import start
from taxiway.delivery.experiment_section import Experiment
from taxiway.delivery.policies.counted.sums import sums_of
from taxiway.registry.auth.actor import Permission
from taxiway.registry.database.tables import policy_observations, policy_states
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.serving.delivering.processes import (
    SECONDS,
    Running,
    asked,
    gateways,
    until,
    weights,
)
from tests.taxiway.serving.fleet.conftest import GATEWAY, Site, site

__all__ = ["site"]
pytestmark = pytest.mark.one_stack


def experiment(site: Site, first: ModelVersion, second: ModelVersion) -> None:
    """Between two versions, by a bandit that learns from clicks."""
    design = Experiment.model_validate(
        {
            "name": "clicks",
            "arms": [{"version": one.name} for one in (first, second)],
            "policy": {"kind": "epsilon_greedy", "epsilon": 0},
            "primary_metric": {"name": "clicks", "effect": 0.1},
        }
    )
    with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
        start(change, design, site.model, "", {})


def post(site: Site, running: Running, rewards: Iterable[tuple[str, float]]) -> None:
    """Tells a gateway what came of requests."""
    found = [{"request_id": name, "value": value, "name": "clicks"} for name, value in rewards]
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=SECONDS)
    try:
        connection.request("POST", f"/v1/models/{site.model}/rewards", json.dumps(found))
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()
        assert json.loads(reply.read()) == {"accepted": len(found)}
    finally:
        connection.close()


def learnt(site: Site) -> float:
    """Observations that the state has learnt from, of both arms."""
    with site.database.reading() as connection:
        (row,) = connection.execute(select(policy_states))
    return sum(one.n for one in sums_of(row.state).values())


def counted(site: Site, versions: Iterable[ModelVersion]) -> int:
    """Rewards in the evidence, of all versions."""
    with site.database.reading() as connection:
        found = read_measurements(connection, site.model, "", 0)
    clicks = [summed(found, one.name).rewards.get("clicks") for one in versions]
    return sum(one.count for one in clicks if one is not None)


def waiting(site: Site) -> int:
    with site.database.reading() as connection:
        query = select(func.count()).select_from(policy_observations)
        return connection.execute(query).scalar_one()


def test_a_bandit_learns_from_rewards_that_any_gateway_is_told_each_once(site: Site) -> None:
    first, second = site.push("1", 1), site.push("2", 2)
    with gateways(site) as made:
        both = [made.start(), made.start()]
        until(lambda: weights(site) == {second.name: 100.0})
        experiment(site, first, second)
        until(lambda: all(one.status()["models"][0]["revision"] == 3 for one in both))
        with asked(site, both) as load:
            until(lambda: {value for _, value in load.answers} == {1.0, 2.0})
            told = 0
            for _ in range(3):
                until(lambda: len(load.answers) >= told + 30)  # noqa: B023  # called before it moves
                new = load.answers[told:]
                told += len(new)
                rewards = [(name, float(value == 2.0)) for name, value in new]
                for one in both:  # of each half, and of all in the end twice
                    post(site, one, rewards)
            until(lambda: load.values(50) == {2.0})
        assert load.failures == []
        until(lambda: counted(site, (first, second)) == told)
        until(lambda: waiting(site) == 0)
        assert 0 < learnt(site) <= told  # those of the first moments were split by slots
