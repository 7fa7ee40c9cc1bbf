"""How a number is written."""

from __future__ import annotations

import pytest

from taxiway.html.figures import counted, figure, signed


@pytest.mark.parametrize(
    ("value", "written", "change"),
    [
        (None, "n/a", "n/a"),
        (0.69244, "0.6924", "+0.6924"),
        (-0.012, "-0.0120", "-0.0120"),
        (1.0, "1.0000", "+1.0000"),
        (27020.0, "27,020", "+27,020"),
        (-12.0, "-12", "-12"),
        (0.0, "0.0000", "0"),
    ],
)
def test_counts_are_whole_and_shares_have_four_decimals(
    value: float | None, written: str, change: str
) -> None:
    assert figure(value) == written
    assert signed(value) == change


def test_one_is_singular() -> None:
    assert [counted(n, "warning") for n in (0, 1, 2)] == ["0 warnings", "1 warning", "2 warnings"]
