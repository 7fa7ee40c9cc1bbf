"""Versions in named groups, each of models that solve one task: `winter.1`, `winter.2`, ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from taxiway.registry.versions.style import Numbered, Style, above

if TYPE_CHECKING:
    from taxiway.registry.versions.records import Candidate, ModelVersion


class GroupedVersioning(Style):
    """Versions in named groups, each of models that solve one task: `winter.1`, `winter.2`."""

    kind: Literal["grouped"]
    group: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
    """The group that pushes of this config belong to; each counts from 1."""

    @property
    def series(self) -> str:
        """The group's."""
        return f"{self.group}."

    def same_as(self, candidate: Candidate) -> Sequence[Mapping[str, str]]:
        """The same content, in this group."""
        return [{"model_digest": candidate.model_digest}]

    def number(
        self, candidate: Candidate, newest: ModelVersion | None, in_series: ModelVersion | None
    ) -> Numbered:
        """The next one of the group; the number's last part counts within it."""
        del candidate
        count = 1 if in_series is None else in_series.number[2] + 1
        why = f"the {'first' if count == 1 else 'next'} of group {self.group}"
        return Numbered((above(newest), 0, count), f"{self.series}{count}", {"version": why})
