"""What a gateway measures of each version: sums that only grow, and that nothing is lost from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from taxiway.delivery.evidence.measured import Measured, Moments, latency_bucket, score_bucket
from taxiway.delivery.evidence.records import AUDIENCE, Of
from taxiway.serving.delivering.measuring.meter import MOST_CELLS, QUIET_SECONDS, Meter, Where
from taxiway.serving.delivering.measuring.scores import add_scores, scores_of

STABLE: Where = ("flights", 3, "1.0.0", AUDIENCE)
CANARY: Where = ("flights", 3, "1.1.0", AUDIENCE)
KEPT = 3600.0


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def outputs(*values: float) -> dict[str, np.ndarray]:
    return {"probability": np.array(values, np.float32)}


def measured(meter: Meter) -> dict[str, Measured]:
    """By version, all that has changed since the last look."""
    return {one.of.version: one.measured for one in meter.changed()}


def test_a_request_counts_for_the_version_that_answered_it() -> None:
    meter = Meter("prod", KEPT)
    meter.answered(STABLE, outputs(0.25, 0.5), 2, 0.003)
    meter.answered(STABLE, outputs(0.251), 1, 0.003)
    (found,) = meter.changed()
    assert found.of == Of("flights", "prod", 3, "1.0.0", AUDIENCE)
    assert (found.measured.requests, found.measured.rows) == (2, 3)
    assert found.measured.latency == {latency_bucket(0.003): 2}
    assert found.measured.scores == {25: 2, 50: 1}


def test_a_version_that_does_not_answer_has_an_error_and_what_was_nan() -> None:
    meter = Meter("", KEPT)
    meter.failed(CANARY)
    meter.failed(CANARY, rows=4, nan_rows=1)
    found = measured(meter)["1.1.0"]
    assert (found.requests, found.errors) == (2, 2)
    assert (found.rows, found.nan_rows) == (4, 1)


def test_an_answer_that_is_nan_is_no_score() -> None:
    meter = Meter("", KEPT)
    meter.answered(STABLE, outputs(math.nan), 1, 0.001)
    meter.answered(STABLE, outputs(0.1, math.inf, math.nan), 3, 0.001)
    found = measured(meter)["1.0.0"]
    assert (found.rows, found.nan_rows, found.scores) == (4, 3, {10: 1})


def test_a_reward_that_takes_the_place_of_another_counts_once() -> None:
    meter = Meter("", KEPT)
    meter.rewarded(STABLE, "profit", 10.0)
    meter.rewarded(STABLE, "profit", 4.0, before=10.0)
    meter.rewarded(STABLE, "clicks", 1.0)
    rewards = measured(meter)["1.0.0"].rewards
    assert rewards == {"profit": Moments(1, 4.0, 16.0), "clicks": Moments(1, 1.0, 1.0)}


def test_only_what_has_changed_is_written_and_all_of_its_sum() -> None:
    meter = Meter("", KEPT)
    meter.answered(STABLE, outputs(0.5), 1, 0.001)
    meter.answered(CANARY, outputs(0.5), 1, 0.001)
    assert set(measured(meter)) == {"1.0.0", "1.1.0"}
    assert meter.changed() == []
    meter.answered(CANARY, outputs(0.5), 1, 0.001)
    found = measured(meter)
    assert {version: one.requests for version, one in found.items()} == {"1.1.0": 2}


def test_what_could_not_be_written_is_there_again_with_what_came_since() -> None:
    meter = Meter("", KEPT)
    meter.answered(STABLE, outputs(0.5), 1, 0.001)
    meter.answered(CANARY, outputs(0.5), 1, 0.001)
    lost = meter.changed()
    meter.answered(STABLE, outputs(0.5), 1, 0.001)
    meter.not_written(lost)
    found = measured(meter)
    assert {version: one.requests for version, one in found.items()} == {"1.0.0": 2, "1.1.0": 1}


def test_what_was_given_to_be_written_does_not_change_under_the_writer() -> None:
    meter = Meter("", KEPT)
    meter.answered(STABLE, outputs(0.5), 1, 0.001)
    meter.rewarded(STABLE, "profit", 1.0)
    (given,) = meter.changed()
    before = given.measured.to_json()
    meter.answered(STABLE, outputs(0.9), 1, 1.0)
    meter.rewarded(STABLE, "profit", 2.0)
    assert given.measured.to_json() == before


def test_a_model_of_which_nothing_is_decided_is_written_now_and_then() -> None:
    clock = Clock()
    meter = Meter("", KEPT, clock)
    meter.answered(STABLE, outputs(0.5), 1, 0.001)
    assert meter.changed(hurried=[]) == []
    assert len(meter.changed(hurried=["flights"])) == 1
    meter.answered(STABLE, outputs(0.5), 1, 0.001)
    clock.now += QUIET_SECONDS - 1
    assert meter.changed(hurried=["parcels"]) == []
    clock.now += 1
    assert [one.measured.requests for one in meter.changed(hurried=["parcels"])] == [2]


def test_sums_to_which_nothing_is_added_are_forgotten_and_do_not_begin_anew_in_their_place() -> (
    None
):
    clock = Clock()
    meter = Meter("", KEPT, clock)
    meter.answered(STABLE, outputs(0.5), 1, 0.001)
    (first,) = meter.changed()
    clock.now += KEPT + 1
    meter.changed()
    meter.answered(STABLE, outputs(0.5), 1, 0.001)
    (second,) = meter.changed()
    assert second.of == first.of
    assert second.life != first.life  # so both are read, and added up
    assert (first.measured.requests, second.measured.requests) == (1, 1)


def test_there_are_no_more_sums_than_a_gateway_has_room_for() -> None:
    clock = Clock()
    meter = Meter("", KEPT, clock)
    for revision in range(MOST_CELLS + 10):
        clock.now += 1
        meter.failed(("flights", revision, "1.0.0", AUDIENCE))
        meter.changed()
    meter.not_written([])
    for revision in range(MOST_CELLS + 10):
        meter.failed(("flights", revision, "1.0.0", AUDIENCE))
    again = [one.of.revision for one in meter.changed() if one.measured.requests == 1]
    assert again == list(range(10))  # the oldest had gone


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_scores_fall_into_the_same_buckets_as_one_by_one(dtype: type[np.floating]) -> None:
    draws = np.random.default_rng(7)
    inside, wide = (
        draws.uniform(0, 1, 2_000),
        draws.normal(0, 1, 2_000) * 10 ** draws.uniform(-3, 9),
    )
    ends = [0.0, 1.0, -0.0, 1e-30, 1e30, -1e30]
    scores = np.concatenate([inside, wide, ends]).astype(dtype)
    together: dict[int, int] = {}
    assert add_scores(scores, together) == 0
    one_by_one: dict[int, int] = {}
    for score in scores:
        assert add_scores(np.array([score]), one_by_one) == 0
        assert score_bucket(float(score)) in together
    assert together == one_by_one
    assert sum(together.values()) == len(scores)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"probability": [0.1, 0.2], "value": [7.0, 8.0]}, [0.1, 0.2]),
        ({"value": [7.0, 8.0], "class": ["a", "b"]}, [7.0, 8.0]),
        ({"probabilities": [[0.1, 0.9], [0.6, 0.4]]}, [0.9, 0.6]),
        ({"probability": [[0.1], [0.2]]}, [0.1, 0.2]),
        ({"z": [3.0], "a": [1.0], "b": ["text"]}, [1.0]),
        ({"probabilities": [[0.1, math.nan]]}, [math.nan]),
    ],
)
def test_the_score_of_a_row_is_its_probability_its_number_or_that_of_its_likeliest_class(
    given: dict[str, list[object]], expected: list[float]
) -> None:
    found = scores_of({name: np.array(values) for name, values in given.items()})
    assert found is not None
    np.testing.assert_equal(found.tolist(), expected)


def test_an_answer_without_numbers_has_no_score() -> None:
    assert scores_of({"class": np.array(["a"])}) is None
    meter = Meter("", KEPT)
    meter.answered(STABLE, {"class": np.array(["a"], object)}, 1, 0.001)
    found = measured(meter)["1.0.0"]
    assert (found.rows, found.nan_rows, found.scores) == (1, 0, {})
