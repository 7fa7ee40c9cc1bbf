"""What a model answers is held against what an answer is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from taxiway.modeling.answers import find_fault

Outputs = dict[str, np.ndarray[Any, Any]]


@pytest.mark.parametrize(
    ("outputs", "fault"),
    [
        ({"probability": np.array([0.0, 1.0])}, ""),
        ({"logit": np.array([[-5.0], [7.0]])}, ""),
        ({"class": np.array([1, 2])}, ""),
        ({}, "no outputs"),
        ({"logit": np.array([1.0])}, "'logit' has shape [1] for a request of 2 row(s)"),
        ({"logit": np.array(1.0)}, "'logit' has shape []"),
        ({"class": np.array([b"a", b"b"], dtype=object)}, ""),
        ({"class": np.array([b"a", b""], dtype=object)}, "'class' has an empty name"),
        ({"colour": np.array([b"a", b"b"], dtype=object)}, "'colour' is not numeric"),
        ({"value": np.array([-1e9, 1e9])}, ""),
        ({"probabilities": np.array([[0.25, 0.75], [1.0, 0.0]])}, ""),
        ({"probabilities": np.array([[0.5, 0.5], [0.5, 0.4]])}, "sums up to 0.9, expected 1"),
        ({"probabilities": np.array([[1.5, -0.5], [0.5, 0.5]])}, "answers 1.5, expected 0 to 1"),
        ({"logit": np.array([1.0, np.nan])}, "'logit' answers nan"),
        ({"logit": np.array([[1.0], [np.inf]])}, "'logit' answers inf"),
        ({"probability": np.array([0.5, 1.5])}, "'probability' answers 1.5, expected 0 to 1"),
        ({"good": np.array([1.0, 2.0]), "bad": np.array([1.0])}, "'bad' has shape"),
    ],
)
def test_an_answer_is_judged_by_shape_type_and_range(outputs: Outputs, fault: str) -> None:
    found = find_fault(outputs, rows=2)
    assert fault in found
    assert bool(found) == bool(fault)
