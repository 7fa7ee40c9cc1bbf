"""A version for each mapping from inputs to outputs: the numbers 1, 2, 3, ..., whoever made it.

The mapping is known by its digest: of the signature, and of the answers to a fixed set of rows
(taxiway/registry/versions/probes.py). A push of an equal mapping is one more deployment of the
version that it equals, however long ago that was. Where an approval policy holds versions back, it
has to have the same content too: what people have approved is what they could look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from taxiway.registry.versions.style import Numbered, Style, above

if TYPE_CHECKING:
    from taxiway.registry.versions.records import Candidate, ModelVersion


class BlackBoxVersioning(Style):
    """A version for each mapping from inputs to outputs: 1, 2, 3 and so on; a push that answers as
    an earlier version does is a deployment of that one."""

    kind: Literal["black_box"]
    probes: Annotated[int, Field(ge=1, le=1000)] = 100
    """Rows of the eval split whose answers tell mappings apart; those of a model's first push with
    a signature are kept for all later ones."""

    def same_as(self, candidate: Candidate) -> Sequence[Mapping[str, str]]:
        """Versions of other styles have no mapping on record; the same content is the same one."""
        content = {"model_digest": candidate.model_digest}
        mapping = {"mapping_digest": candidate.mapping_digest}
        return [mapping, content] if candidate.mapping_digest else [content]

    def number(
        self, candidate: Candidate, newest: ModelVersion | None, in_series: ModelVersion | None
    ) -> Numbered:
        """The next whole number."""
        del in_series
        count = above(newest)
        why = (
            "the first mapping from inputs to outputs"
            if newest is None
            else "no earlier version has its signature and answers the probes as it does (mapping "
            f"{candidate.mapping_digest[:12]})"
        )
        return Numbered((count, 0, 0), str(count), {"version": why})
