"""Decisions of a log, as arrays: what was known, what was chosen by chance, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
CERTAIN = 1.0 - 1e-9
"""A propensity from here on leaves no chance to another arm."""


@dataclass(frozen=True)
class Logged:
    """Decisions in the order of time, n rows, one for each request.

    Args:
      arms: names of all k arms, those of the log and those that the policy may choose.
      chosen: (n,) index of the arm that was chosen.
      propensities: (n,) probability with which it was.
      rewards: (n,) finite.
      units: (n,) whose a decision is, from 0 on: rewards of one person are not independent, so
        their errors are summed before they are squared.
      columns: what was known of each request, n values each; None is missing.
      possible: (n, k) probability with which the log could have chosen each arm, NaN where it does
        not say; None where it never does.
    """

    arms: tuple[str, ...]
    chosen: Integers
    propensities: Floats
    rewards: Floats
    units: Integers
    columns: Mapping[str, Sequence[Any]]
    possible: Floats | None = None

    @property
    def rows(self) -> int:
        """How many decisions."""
        return len(self.chosen)

    @property
    def impossible(self) -> npt.NDArray[np.bool_]:
        """(n, k) whether the log says that an arm could not have been chosen."""
        others = np.arange(len(self.arms)) != self.chosen[:, None]
        found = others & (self.propensities >= CERTAIN)[:, None]
        if self.possible is not None:
            found |= others & (np.nan_to_num(self.possible, nan=1.0) <= 0.0)
        return np.asarray(found)

    def context(self, row: int, names: Iterable[str]) -> dict[str, Any]:
        """What was known of one request, of these columns."""
        return {name: self.columns[name][row] for name in names if name in self.columns}
