"""What a comparison of runs says, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Section = Literal["config", "features", "data", "code", "lock"]
SECTIONS: Final[tuple[Section, ...]] = ("config", "features", "data", "code", "lock")
"""In the order in which they are told."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in all runs.

    Args:
      section: what it belongs to.
      name: a key of the config, a column, a file, a package.
      values: as text, one for each run in their order; None where it is not there.
      diffs: of a text, unified, from the first run's to each other run's; empty where they are the
        same, or where one of the texts is not known.
    """

    section: Section
    name: str
    values: tuple[str | None, ...]
    diffs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measure:
    """A metric in all runs.

    Args:
      name: of the metric.
      slice: over which rows; empty for all.
      values: one for each run; None where it was not measured.
      changes: of each run but the first, against the first.
      better: which way is better; empty where that is not known.
    """

    name: str
    slice: str
    values: tuple[float | None, ...]
    changes: tuple[float | None, ...]
    better: str = ""

    @property
    def largest(self) -> float:
        """Its largest change, whichever way; 0 where there is none."""
        return max((abs(one) for one in self.changes if one is not None), default=0.0)


@dataclass(frozen=True)
class Comparison:
    """Runs, beside one another; all is compared with the first.

    Args:
      runs: their ids.
      says: the differences that can matter, in one sentence.
      differences: each of them; nothing that is the same everywhere, or cannot matter.
      not_on_record: by section, the runs that do not have it on record; it is not compared.
      metrics: over all rows.
      slices: over slices, the largest change first.
    """

    runs: tuple[str, ...]
    says: str
    differences: tuple[Difference, ...]
    not_on_record: Mapping[Section, tuple[str, ...]]
    metrics: tuple[Measure, ...]
    slices: tuple[Measure, ...]

    def of(self, section: Section) -> list[Difference]:
        """Differences of a section."""
        return [one for one in self.differences if one.section == section]
