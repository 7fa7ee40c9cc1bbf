"""Rollouts by real gateways under load: kill -9 of the one that moves one on stops nothing."""

from __future__ import annotations

import pytest

from taxiway.delivery.evidence.measured import Measured
from taxiway.delivery.evidence.records import (
    AUDIENCE,
    SHADOW,
    Segment,
    read_measurements,
    summed,
)
from taxiway.delivery.rollout.apply import start
from taxiway.delivery.section import Delivery
from taxiway.registry.auth.actor import Permission
from taxiway.registry.routes.moves import undo
from taxiway.registry.versions.records import ModelVersion
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
pytestmark = pytest.mark.one_stack

PAUSE = "{pause: {duration: 0.5}}"
BY_STEPS = (
    f"delivery.strategy={{kind: canary, steps: [{{setWeight: 10}}, {PAUSE}, {{setWeight: 50}}, "
    f"{PAUSE}, {{setWeight: 90}}, {PAUSE}]}}"
)

ANALYSED = (
    "delivery.strategy={kind: canary, steps: [{setWeight: 30}, {analysis: {interval: 0.4, "
    "count: 10000, metrics: [{name: error_rate}, {name: nan_rate}]}}]}"
)
FAULTS = {"errors": "error_rate", "nan": "nan_rate"}
"""What a version does, and the metric that says so."""


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
        assert at.is_open
        assert steps(site) == [0, 1, 2, 3, 4, 5]

        third = site.push("3", 3)
        until(lambda: (holder(site), weights(site).get(third.name)) == (again.id, 10.0))
        (model,) = again.status()["models"]
        assert (model["rollout"]["version"], model["rollout"]["is_held"]) == (third.name, True)
        again.process.terminate()
        again.process.wait(60)
        assert holder(site) == ""  # given back, so that another need not wait for its end


def test_green_has_all_traffic_at_once_and_blue_stays_warm_for_undo(site: Site) -> None:
    first = site.push("1", 1)
    with gateways(site, "delivery.strategy={kind: blue_green}") as made:
        one = made.start()
        with asked(site, [one]) as load:
            until(lambda: load.answers)
            second = site.push("2", 2)
            until(lambda: phase(site) == "Healthy")
            until(lambda: load.values(50) == {2.0})
            (model,) = one.status()["models"]
            states = {version["version"]: version["state"] for version in model["versions"]}
            assert states == {first.name: "AVAILABLE", second.name: "AVAILABLE"}
            with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
                undo(change, site.model, "")
            until(lambda: load.values(50) == {1.0})
        assert load.failures == []
    told = [action for action, _, _ in site.audited() if action.startswith("rollout.")]
    assert told == ["rollout.start", "rollout.load", "rollout.promote", "rollout.undo"]


def test_a_bad_version_loses_its_traffic_by_itself_and_nobody_is_told_an_error(site: Site) -> None:
    first = site.push("1", 1)
    with gateways(site, ANALYSED) as made:
        one = made.start()
        with asked(site, [one] * 3) as load:
            until(lambda: load.answers)
            for number, (fault, metric) in enumerate(FAULTS.items(), start=2):
                bad = site.push(f"{number} {fault}", number)
                until(lambda: ended(site, bad))  # noqa: B023  # called before it moves on
                until(lambda: load.values(50) == {1.0})
                found, measured = rollout(site), evidence(site, bad.name)
                assert found is not None
                assert (found.phase, weights(site)) == ("Degraded", {first.name: 100.0})
                assert f"{metric}: " in found.reason
                assert 0.2 < measured.errors / measured.requests < 0.5  # each third one
                assert (measured.nan_rows > 0) == (fault == "nan")
            begun = len(load.answers)
            shadow(site, bad)
            until(lambda: ended(site, bad, "shadow"))
            copies = evidence(site, bad.name, SHADOW)
            assert copies.nan_rows > 0
            assert copies.pairs.compared > 0
            assert copies.pairs.agreed == 0  # 3 is not 1
            answers = load.answers[begun:]
        assert load.failures == []  # what they failed to answer, the stable version answered
        assert {value for _, value in load.answers} == {1.0, 2.0, 3.0}
        assert {value for _, value in answers} == {1.0}  # nobody is given what a shadow says
        good = evidence(site, first.name)
        assert (good.errors, good.nan_rows) == (0, 0)


def ended(site: Site, version: ModelVersion, strategy: str = "canary") -> bool:
    """Whether the newest rollout is a version's, by a strategy, and is over."""
    found = rollout(site)
    if found is None or (found.version, found.strategy.kind) != (version.name, strategy):
        return False
    return not found.is_open


def shadow(site: Site, version: ModelVersion) -> None:
    """Begins a rollout of a version by copies of half of the requests."""
    strategy = {"kind": "shadow", "percentage": 50, "analysis": {"interval": 0.4}}
    delivery = Delivery.model_validate({"strategy": strategy})
    with site.database.changing(GATEWAY, Permission.DEPLOY) as change:
        start(change, version, "", delivery)


def evidence(site: Site, version: str, segment: Segment = AUDIENCE) -> Measured:
    """What gateways have written of a version."""
    with site.database.reading() as connection:
        return summed(read_measurements(connection, site.model, "", 0), version, segment)
