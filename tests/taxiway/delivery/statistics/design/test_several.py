"""Several comparisons at once, and metrics that must not get worse."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from taxiway.delivery.statistics.comparisons.effect import Effect
from taxiway.delivery.statistics.design.several import bonferroni, guard, holm


def test_holm_adjusts_as_statsmodels_does() -> None:
    made = np.random.default_rng(6)
    for count in range(1, 8):
        p_values = made.random(count) ** 3
        known = multipletests(p_values, method="holm")[1]
        found = holm(dict(enumerate(p_values)))
        assert list(found) == list(range(count))
        assert list(found.values()) == pytest.approx(list(known))


def test_holm_of_three_worked_out_by_hand() -> None:
    assert holm({"profit": 0.01, "clicks": 0.04, "visits": 0.03}) == pytest.approx(
        {"profit": 0.03, "clicks": 0.06, "visits": 0.06}
    )
    assert holm({}) == {}


def test_bonferroni_shares_alpha() -> None:
    assert bonferroni(0.05, 2) == 0.025
    assert bonferroni(0.05, 0) == 0.05


@pytest.mark.parametrize(
    ("lower", "upper", "better", "told"),
    [
        (-0.01, 0.30, "higher", "held"),
        (-0.01, 0.30, "lower", "open"),
        (-0.30, 0.01, "lower", "held"),
        (-0.30, 0.01, "higher", "open"),
        (-0.30, -0.05, "higher", "broken"),
        (0.05, 0.30, "lower", "broken"),
        (-0.01, 0.01, "higher", "held"),
        (-np.inf, np.inf, "higher", "open"),
    ],
)
def test_a_guard_is_held_only_when_surely_not_worse_by_the_margin(
    lower: float, upper: float, better: str, told: str
) -> None:
    effect = Effect(0.0, 0.0, (lower + upper) / 2, lower, upper, 0.5)
    assert guard(effect, 0.02, better) == told  # type: ignore[arg-type]
