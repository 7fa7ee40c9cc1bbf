"""One version for each run: the numbers 1, 2, 3, ..., whatever has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from taxiway.registry.versions.style import Numbered, Style, above

if TYPE_CHECKING:
    from taxiway.registry.versions.records import Candidate, ModelVersion


class PipelineExecutionVersioning(Style):
    """One version for each run that pushes: 1, 2, 3 and so on, whatever has changed."""

    kind: Literal["pipeline_execution"]

    def same_as(self, candidate: Candidate) -> Sequence[Mapping[str, str]]:
        """A run that registers twice, as one that was resumed does, has one version."""
        return [{"run_id": candidate.run_id}]

    def number(
        self, candidate: Candidate, newest: ModelVersion | None, in_series: ModelVersion | None
    ) -> Numbered:
        """The next whole number."""
        del in_series
        count = above(newest)
        return Numbered((count, 0, 0), str(count), {"version": f"run {candidate.run_id} pushed it"})
