"""Intervals over as many problems as it takes to tell 95 percent from 93."""

from __future__ import annotations

import numpy as np
import pytest

from taxiway.delivery.off_policy.evaluate import evaluate
from tests.taxiway.delivery.off_policy.problems import a_problem

pytestmark = pytest.mark.long


@pytest.mark.parametrize("binary", [True, False], ids=["clicks", "profits"])
def test_95_percent_of_2000_intervals_cover_the_truth(binary: bool) -> None:
    covers = []
    for seed in range(2_000, 4_000):
        problem = a_problem(seed, binary=binary)
        found = evaluate(problem.logged, problem.targets)
        if not found.refusals:
            covers.append([one.lower <= problem.truth <= one.upper for one in found.estimates])
    assert len(covers) > 1_980
    assert np.mean(covers, axis=0) == pytest.approx(0.95, abs=0.015)
