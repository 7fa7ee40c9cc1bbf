"""What every style of versioning has: when two pushes are one version, and the number of a new one.

A style is a kind of `registry.versioning`: a class with its keys and its functions in a file of its
own, and its name in `Versioning` (taxiway/registry/versions/__init__.py). It decides about plain
records and asks no database, so that it can be tested with any history.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from taxiway.section import Frozen

if TYPE_CHECKING:
    from taxiway.registry.versions.records import Candidate, ModelVersion

Number = tuple[int, int, int]
"""Of a version. Whatever the style, each is above those of the model's versions before it, so that
a model may change its style."""


@dataclass(frozen=True)
class Numbered:
    """What a style says of a candidate that becomes a version.

    Args:
      number: above the newest one's.
      name: as people write it, such as `1.2.7`; no other version of the model has it.
      reasons: by part of the number, why it moved or stayed, in a sentence.
    """

    number: Number
    name: str
    reasons: Mapping[str, str]


class Style(Frozen):
    """Base of all styles."""

    kind: str

    @property
    def series(self) -> str:
        """How the names of the versions begin among which this style counts; empty for all."""
        return ""

    @abstractmethod
    def same_as(self, candidate: Candidate) -> Sequence[Mapping[str, str]]:
        """Columns by which a version may be what the candidate is; the first that finds one counts.

        Only versions of the style's series are asked.
        """

    def is_same(self, version: ModelVersion, candidate: Candidate) -> bool:  # noqa: ARG002  # of most, those columns say all
        """Whether a version that was found by these columns is what the candidate is."""
        return True

    @abstractmethod
    def number(
        self, candidate: Candidate, newest: ModelVersion | None, in_series: ModelVersion | None
    ) -> Numbered:
        """The number of a candidate that is no version yet.

        Args:
          candidate: what was pushed.
          newest: the model's newest version, of whatever style; None where it has none.
          in_series: the newest one of this style's series; the same where that is all of them.
        """


def above(newest: ModelVersion | None) -> int:
    """The first part of a number that is above the newest one's, whatever its others are."""
    return 1 if newest is None else newest.number[0] + 1
