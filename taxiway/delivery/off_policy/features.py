"""What was known of requests, as numbers for the reward model: scaled; of texts the common ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from taxiway.delivery.off_policy.logged import Floats

MOST: Final = 50
"""Columns of the matrix: the model is solved once for each arm, in the cube of them."""
_MOST_CATEGORIES: Final = 10
_RAREST: Final = 0.01
"""Share of the rows below which a category, or that a value is missing, says too little."""


def features(columns: Mapping[str, Sequence[Any]], rows: int) -> Floats:
    """A matrix of (rows, at most 50), the first column all ones.

    Numbers have mean 0 and variance 1, missing ones being 0 with a column that says so; texts have
    a column for each common value. What is neither, and what does not vary, is left out.
    """
    found = [np.ones(rows)]
    for name in sorted(columns):
        values = columns[name]
        kinds = {type(one) for one in values} - {type(None)}
        if kinds and kinds <= {int, float, bool}:
            found += _numbers(values)
        elif kinds == {str}:
            found += _categories(values)
    return np.column_stack(found[:MOST])


def _numbers(values: Sequence[Any]) -> list[Floats]:
    numbers = np.array([np.nan if one is None else one for one in values], np.float64)
    missing = ~np.isfinite(numbers)
    known = numbers[~missing]
    with np.errstate(over="ignore", invalid="ignore"):  # of 1e300; then it is left out
        spread = float(known.std()) if len(known) else 0.0
    found = []
    if spread > 0 and np.isfinite(spread):
        found.append(
            np.where(missing, 0.0, (np.where(missing, 0.0, numbers) - known.mean()) / spread)
        )
    return found + _indicator(missing)


def _categories(values: Sequence[Any]) -> list[Floats]:
    cells = np.array(["" if one is None else one for one in values], dtype=object)
    common = Counter(cells.tolist()).most_common(_MOST_CATEGORIES)
    return [one for value, _ in common for one in _indicator(cells == value)]


def _indicator(where: Any) -> list[Floats]:
    share = float(np.mean(where))
    return [where.astype(np.float64)] if _RAREST <= share <= 1.0 - _RAREST else []
