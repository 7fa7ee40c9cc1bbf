"""Two hundred seeded canaries through the real machine and the real analysis.

They are 34 of each nature, and 30 with too little traffic.
The traffic that this takes: 240,000 requests in an interval (1,000 a second and a look every four
minutes, or 4,000 a second and one every minute), of which the first step gives the canary 1 %, each
with a reward. With less of it a bad canary is found later, and none is promoted sooner.
"""

from __future__ import annotations

import pytest

from tests.taxiway.delivery.rollout.simulated import EQUAL, NATURES, Outcome, roll_out

EACH = 34
BAD = [name for name, nature in NATURES.items() if nature != EQUAL]


def played(name: str) -> list[Outcome]:
    return [roll_out(NATURES[name], seed) for seed in range(EACH)]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_one_is_gone_within_two_intervals_and_had_two_percent_at_most(name: str) -> None:
    found = played(name)
    assert [one.phase for one in found] == ["Degraded"] * EACH
    assert max(one.intervals for one in found) <= 2
    assert max(one.exposed for one in found) <= 0.02
    assert all(one.reason.startswith("analysis failed: ") for one in found)


def test_an_equal_one_is_stopped_in_five_percent_at_most_and_most_go_through() -> None:
    phases = [one.phase for one in played("equal")]
    assert phases.count("Degraded") <= 0.05 * EACH
    assert phases.count("Healthy") >= 0.9 * EACH


@pytest.mark.parametrize("traffic", [300, 3_000])
def test_one_with_too_little_traffic_is_never_promoted_and_waits_for_someone(traffic: int) -> None:
    natures = [NATURES[name] for name in (*NATURES, "equal", "equal")]
    phases = [roll_out(natures[seed % 7], seed, traffic).phase for seed in range(15)]
    assert "Healthy" not in phases
    assert phases.count("Inconclusive") >= 8


@pytest.mark.long
def test_of_five_hundred_equal_ones_five_percent_at_most_are_stopped() -> None:
    phases = [roll_out(EQUAL, 10_000 + seed).phase for seed in range(500)]
    assert phases.count("Degraded") <= 25
