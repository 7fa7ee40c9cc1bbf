"""How good answers are, for each task, and what is chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from taxiway.testing.answers import quality

RANDOM = np.random.default_rng(7)
LABELS = RANDOM.integers(0, 2, 500)
CLASSES = RANDOM.integers(0, 3, 500)
NUMBERS = RANDOM.normal(5.0, 2.0, 500)


def of_three(chosen: Any) -> dict[str, Any]:
    probabilities = np.full((len(chosen), 3), 0.1, np.float32)
    probabilities[np.arange(len(chosen)), chosen] = 0.8
    return {"probabilities": probabilities, "class": chosen.astype(str).astype(bytes)}


KNOWING = {
    "binary": ({"probability": np.clip(LABELS + RANDOM.normal(0, 0.4, 500), 0, 1)}, LABELS),
    "several classes": (of_three(np.where(RANDOM.random(500) < 0.7, CLASSES, 0)), CLASSES),
    "a number": ({"value": NUMBERS + RANDOM.normal(0, 1, 500)}, NUMBERS),
}
GUESSING = {
    "binary": ({"probability": RANDOM.random(500)}, LABELS),
    "several classes": (of_three(np.full(500, np.bincount(CLASSES).argmax())), CLASSES),
    "a number": ({"value": np.full(500, NUMBERS.mean())}, NUMBERS),
}
LYING = {
    "binary": ({"probability": 1 - KNOWING["binary"][0]["probability"]}, LABELS),
    "several classes": (of_three((CLASSES + 1) % 3), CLASSES),
    "a number": ({"value": -NUMBERS}, NUMBERS),
}


@pytest.mark.parametrize("task", KNOWING)
def test_a_model_that_knows_something_beats_knowing_nothing(task: str) -> None:
    found = quality(*KNOWING[task])
    assert found is not None
    assert found.beats_nothing
    assert not found.is_worse_than_nothing


@pytest.mark.parametrize("task", GUESSING)
def test_one_that_guesses_does_neither(task: str) -> None:
    found = quality(*GUESSING[task])
    assert found is not None
    assert not found.beats_nothing
    assert not found.is_worse_than_nothing


@pytest.mark.parametrize("task", LYING)
def test_one_that_has_it_the_wrong_way_round_is_worse(task: str) -> None:
    found = quality(*LYING[task])
    assert found is not None
    assert found.is_worse_than_nothing


def test_the_figures_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

    tied = {"probability": np.round(KNOWING["binary"][0]["probability"], 1)}
    found = [quality(tied, LABELS), quality(*KNOWING["several classes"])]
    found.append(quality(*KNOWING["a number"]))
    expected = [
        roc_auc_score(LABELS, tied["probability"]),
        accuracy_score(CLASSES, KNOWING["several classes"][0]["probabilities"].argmax(axis=1)),
        r2_score(NUMBERS, KNOWING["a number"][0]["value"]),
    ]
    assert [one.figure for one in found if one] == pytest.approx(expected)


def test_rows_without_a_label_do_not_count() -> None:
    answers, labels = {"probability": np.array([0.1, 0.9, 0.2, 0.8])}, np.array([0, -1, 0, 1])
    found = quality(answers, labels)
    assert found is not None
    assert found.figure == 1.0


def test_of_one_class_nothing_can_be_told() -> None:
    assert quality({"probability": np.array([0.1, 0.9])}, np.array([1, 1])) is None
    assert quality({"value": np.array([0.1, 0.9])}, np.array([2.0, 2.0])) is None
    assert quality({"value": np.array([0.1])}, np.array([np.nan])) is None
