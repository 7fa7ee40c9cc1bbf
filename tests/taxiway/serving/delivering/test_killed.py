"""Rollouts by real gateways under load: kill -9 of the one that moves one on stops nothing."""

from __future__ import annotations

import pytest

from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.evidence.records import read_measurements, summed
from taxiway.registry.auth.actor import Permission
from taxiway.registry.routes.moves import undo
from tests.taxiway.serving.delivering.processes import (
    asked,
    events,
    gateways,
    holder,
    phase,
    rollout,
    until,
    weights,
)
from tests.taxiway.serving.fleet.conftest import GATEWAY, Site, site

__all__ = ["site"]

PAUSE = "{pause: {duration: 0.5}}"
BY_STEPS = (
    f"delivery.strategy={{kind: canary, steps: [{{setWeight: 10}}, {PAUSE}, {{setWeight: 50}}, "
    f"{PAUSE}, {{setWeight: 90}}, {PAUSE}]}}"
)

ANALYSED = (
    "delivery.strategy={{kind: canary, steps: [{{setWeight: 30}}, {{analysis: {{interval: 0.4, "
    "count: 10000, metrics: [{{name: {metric}}}]}}}}]}}"
)


def steps(site: Site) -> list[int]:
    """That were begun, in order."""
    return [one.detail["step"] for one in events(site) if one.event == "step"]


def test_a_canary_goes_on_where_it_was_when_the_gateway_that_moves_it_on_is_killed(
    site: Site,
) -> None:
    first = site.push("1", 1)
    with gateways(site, BY_STEPS) as made:
        both = [made.start(), made.start()]
        with asked(site, both) as load:
            until(lambda: load.answers)
            second = site.push("2", 2)
            until(lambda: weights(site).get(second.name) == 10.0 and holder(site))
            (killed,) = [one for one in both if one.id == holder(site)]
            (other,) = [one for one in both if one is not killed]
            killed.kill()
            until(lambda: phase(site) == "Healthy")
            until(lambda: load.values(50) == {2.0})
        assert load.failures == []
        assert weights(site) == {second.name: 100.0}
        assert steps(site) == [0, 1, 2, 3, 4, 5]  # each once, whoever began it
        assert other.status()["models"][0]["rollout"] is None
    told = [action for action, _, _ in site.audited() if action.startswith("rollout.")]
    assert told == ["rollout.start", "rollout.load", *["rollout.set_weight"] * 3, "rollout.promote"]
    assert first.name not in weights(site)


def test_a_restart_of_the_only_gateway_goes_on_where_it_was(site: Site) -> None:
    site.push("1", 1)
    with gateways(site, BY_STEPS) as made:
        one = made.start()
        second = site.push("2", 2)
        until(lambda: weights(site).get(second.name) == 50.0)
        one.kill()
        at = rollout(site)
        again = made.start()
        with asked(site, [again]) as load:
            until(lambda: phase(site) == "Healthy")
            until(lambda: load.values(20) == {2.0})
        assert load.failures == []
        assert at is not None
        assert at.phase in ("Progressing", "Paused")
        assert steps(site) == [0, 1, 2, 3, 4, 5]


def test_the_lease_is_given_back_by_a_gateway_that_ends(site: Site) -> None:
    site.push("1", 1)
    endless = "delivery.strategy={kind: canary, steps: [{setWeight: 10}, {pause: {}}]}"
    with gateways(site, endless, "delivery.lease_seconds=600") as made:
        one = made.start()
        second = site.push("2", 2)
        until(lambda: weights(site).get(second.name) == 10.0)
        until(lambda: phase(site) == "Paused")
        (model,) = one.status()["models"]
        assert (model["rollout"]["version"], model["rollout"]["weight"]) == (second.name, 10.0)
        assert model["rollout"]["is_held"]
        assert holder(site) == one.id
        one.process.terminate()
        one.process.wait(60)
        assert holder(site) == ""


def test_green_has_all_traffic_at_once_and_blue_stays_warm_for_undo(site: Site) -> None:
    first = site.push("1", 1)
    with gateways(site, "delivery.strategy={kind: blue_green}") as made:
        both = [made.start(), made.start()]
        with asked(site, both) as load:
            until(lambda: load.answers)
            second = site.push("2", 2)
            until(lambda: phase(site) == "Healthy")
            until(lambda: load.values(50) == {2.0})
            states = {
                one["version"]: one["state"] for one in both[0].status()["models"][0]["versions"]
            }
            assert states == {first.name: "AVAILABLE", second.name: "AVAILABLE"}
            with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
                undo(change, site.model, "")
            until(lambda: load.values(50) == {1.0})
            assert both[0].status()["models"][0]["versions"][1]["restarts"] == 0
        assert load.failures == []
        shares = [one.detail.get("weight") for one in events(site) if one.event == "step"]
        assert shares == []  # no share between none and all


@pytest.mark.parametrize(("fault", "metric"), [("errors", "error_rate"), ("nan", "nan_rate")])
def test_a_bad_canary_loses_its_traffic_by_itself_and_nobody_is_told_an_error(
    site: Site, fault: str, metric: str
) -> None:
    first = site.push("1", 1)
    with gateways(site, ANALYSED.format(metric=metric)) as made:
        one = made.start()
        with asked(site, [one] * 3) as load:
            until(lambda: load.answers)
            second = site.push(f"2 {fault}", 2)
            until(lambda: phase(site) == "Degraded")
            until(lambda: load.values(50) == {1.0})
        assert load.failures == []  # what it failed to answer, the stable version answered
        assert {value for _, value in load.answers} == {1.0, 2.0}
        assert weights(site) == {first.name: 100.0}
        found = rollout(site)
        assert found is not None
        assert f"analysis failed: {metric}" in found.reason
        until(lambda: evidence(site, second.name).errors > 0)
        bad, good = evidence(site, second.name), evidence(site, first.name)
        assert (good.errors, good.nan_rows) == (0, 0)
        assert (bad.nan_rows > 0) == (fault == "nan")
        assert 0.2 < bad.errors / bad.requests < 0.5  # each third one


def evidence(site: Site, version: str) -> Measured:
    """What gateways have written of a version."""
    with site.database.reading() as connection:
        return summed(read_measurements(connection, site.model, "", 0), version)
