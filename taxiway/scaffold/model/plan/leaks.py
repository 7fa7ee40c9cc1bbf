"""Columns that say the label in other words, as what is known only afterwards does."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.scaffold.model.columns.profile import Profile
from taxiway.scaffold.model.plan.task import Label

NEAR_ONE: Final = 0.99999
"""Correlation of a number with a label that is a number."""
ROWS_EACH: Final = 5
"""Rows for each of a column's values, on average, from which on it is no chance that each goes with
one value of the label."""
LEAST_ROWS: Final = 100


def leak(label: Label, labels: Any, column: Profile, values: Any) -> str:
    """Why a column gives the label away; empty where it does not.

    Args:
      label: what is predicted.
      labels: its array, after repair.
      column: another column.
      values: its array.
    """
    known = pc.and_(pc.is_valid(labels), pc.is_valid(values))
    rows = pc.sum(known).as_py() or 0
    if rows < ROWS_EACH * 2 or column.distinct < 2 or column.what in ("list", "other"):
        return ""
    labels, values = labels.filter(known), values.filter(known)
    if label.task == "regression":
        return _same_number(labels, values) if column.is_number else ""
    if column.is_number and label.column.distinct == 2 and rows >= LEAST_ROWS:
        told = _separates(labels, values, str(label.column.common[0][0]))
        if told:
            return told
    return _goes_with_one(labels, values, rows)


def _same_number(labels: Any, values: Any) -> str:
    one, other = (np.asarray(array.cast(pa.float64(), safe=False)) for array in (labels, values))
    if one.std() == 0 or other.std() == 0:
        return ""
    correlation = abs(float(np.corrcoef(one, other)[0, 1]))
    return f"the label in other units (correlation {correlation:.6f})" * (correlation > NEAR_ONE)


def _separates(labels: Any, values: Any, first: str) -> str:
    numbers = np.asarray(values.cast(pa.float64(), safe=False))
    is_first = np.asarray(pc.equal(labels.cast(pa.string()), first))
    if is_first.all() or not is_first.any():
        return ""
    one, other = numbers[is_first], numbers[~is_first]
    apart = one.max() < other.min() or other.max() < one.min()
    return "one bound on it tells the label of every row; is it known before?" if apart else ""


def _goes_with_one(labels: Any, values: Any, rows: int) -> str:
    """Whether each value of a column goes with one value of the label."""
    value = values.cast(pa.string()).dictionary_encode()
    label = labels.cast(pa.string()).dictionary_encode()
    if rows < ROWS_EACH * len(value.dictionary) or len(label.dictionary) < 2:
        return ""
    pairs = np.unique(
        np.stack([np.asarray(value.indices), np.asarray(label.indices)], axis=1), axis=0
    )
    if len(pairs) != len(value.dictionary):
        return ""
    if len(value.dictionary) == len(label.dictionary):
        return "the label in other words"
    return "each of its values goes with one value of the label; is it known before?"
