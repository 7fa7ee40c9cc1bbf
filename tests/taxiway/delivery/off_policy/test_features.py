"""What the reward model sees of a request."""

from __future__ import annotations

import numpy as np
import pytest

from taxiway.delivery.off_policy.features import MOST, features


def test_a_number_has_mean_0_and_variance_1_beside_a_column_of_ones() -> None:
    found = features({"temp": [10.0, 20.0, 30.0, 40.0], "same": [1, 1, 1, 1]}, 4)
    assert found.shape == (4, 2)
    assert (found[:, 0] == 1).all()
    assert found[:, 1].mean() == pytest.approx(0)
    assert found[:, 1].std() == pytest.approx(1)


def test_a_number_that_is_missing_is_as_the_mean_and_says_so() -> None:
    found = features({"temp": [10, None, 30, float("nan")]}, 4)
    assert found[:, 1].tolist() == [-1.0, 0.0, 1.0, 0.0]
    assert found[:, 2].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_a_text_has_a_column_for_each_of_its_ten_commonest_values() -> None:
    cities = ["Kyiv"] * 50 + ["Oslo"] * 30 + [None] * 18 + ["Rome", "Wien"]
    found = features({"city": cities}, 100)
    assert found.sum(axis=0).tolist()[1:4] == [50.0, 30.0, 18.0]
    many = [f"city-{number % 40}" for number in range(4_000)]
    assert features({"city": many}, 4_000).shape == (4_000, 11)


def test_ids_lists_and_bytes_say_nothing() -> None:
    columns = {
        "id": [f"r-{number}" for number in range(1_000)],
        "list": [[1.0, 2.0]] * 1_000,
        "bytes": [b"x"] * 1_000,
        "mixed": ["a", 1] * 500,
        "none": [None] * 1_000,
    }
    assert features(columns, 1_000).shape == (1_000, 1)


def test_numbers_too_large_to_have_a_variance_are_left_out() -> None:
    assert features({"huge": [1e300, -1e300, 1e300]}, 3).shape == (3, 1)


def test_there_are_never_too_many() -> None:
    rng = np.random.default_rng(0)
    columns = {f"x{number}": rng.normal(size=20).tolist() for number in range(200)}
    assert features(columns, 20).shape == (20, MOST)
