"""The list of runs, searched and sorted as `taxiway runs list` does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from taxiway.registry.runs.entries import KNOWN, Query, read_entries
from taxiway.ui.pages import Pages
from taxiway.ui.views.fields import (
    AT_ONCE,
    Asked,
    Columns,
    Fields,
    FilterText,
    Limit,
    Listed,
    PageNumber,
    SortKey,
)
from taxiway.ui.views.runs.records import outcome_now

COLUMNS: Final = ("run", "model", "outcome", "started_at", "seconds", "version")
"""That are always there; the metric that the config ranks by follows."""
ALWAYS: Final = ("metrics", "tags", "spans")
"""What JSON has beside the plain fields."""


class Runs(BaseModel):
    """The list of runs.

    Args:
      runs: those that satisfy the filter, newest first where no order is asked for.
    """

    runs: Listed


def add(pages: Pages) -> None:
    """Adds `/runs`."""
    site = pages.site
    evaluation = site.config.evaluation
    metrics = [one.name for one in evaluation.metrics or ()]
    ranked = evaluation.rank_by or next(iter(metrics), "")

    def runs(
        q: FilterText = "",
        sort: SortKey = "",
        columns: Columns = "",
        page: PageNumber = 1,
        limit: Limit = AT_ONCE,
    ) -> Runs:
        """Runs, newest first."""
        asked = Asked.of(["runs"], KNOWN, q, sort, columns, page, limit)
        wanted = asked.wanted
        with site.database.reading() as connection:
            found = read_entries(connection, Query([*asked.fields, *ALWAYS], wanted.words))
        entries = ((_now(one.fields), one.text) for one in found)
        rows = [fields for fields, text in entries if wanted.matches(fields, text)]
        return Runs(runs=asked.answer(rows, [*COLUMNS, *_measured(rows, f"metrics.{ranked}")]))

    pages.add("/runs", "runs.html", runs)


def _now(fields: Fields) -> Fields:
    """A run without an end may have been killed since it was indexed."""
    outcome = outcome_now(str(fields["outcome"]), str(fields["folder"]))
    return fields if outcome == fields["outcome"] else {**fields, "outcome": outcome}


def _measured(rows: Sequence[Fields], ranked: str) -> list[str]:
    """The metric that the config ranks by, or else the first that a run has; none of no run."""
    if any(ranked in row for row in rows):
        return [ranked]
    names = (name for row in rows for name in row if name.startswith("metrics."))
    return [name for name in [next(names, "")] if name]
