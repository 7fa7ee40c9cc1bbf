"""Runs beside one another: what differs that can matter, and what came of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BaseModel

from taxiway.access.refusal import Code, Refusal
from taxiway.process.project import project_root
from taxiway.ui.pages import Pages
from taxiway.ui.views.runs.records import named, recorded

MOST: Final = 10
SLICES: Final = 20
"""That a page shows: those with the largest change."""
Ids = Annotated[
    list[str],
    Query(alias="run", max_length=MOST, description="Ids; all are compared with the first."),
]


class Compared(BaseModel):
    """Runs that were compared.

    Args:
      runs: their ids, in the order that was asked for.
      says: the differences that can matter, in one sentence; empty where fewer than two were named.
      differences: of config, features, data, code and lock: each with a value for every run.
      not_on_record: by section, runs that do not have it on record.
      metrics: over all rows, with their change against the first.
      slices: the same, over slices, the largest change first.
    """

    runs: list[str]
    says: str = ""
    differences: list[dict[str, Any]] = []
    not_on_record: dict[str, list[str]] = {}
    metrics: list[dict[str, Any]] = []
    slices: list[dict[str, Any]] = []


def add(pages: Pages) -> None:
    """Adds `/compare`."""
    site = pages.site

    def compare(run: Ids = []) -> Compared:  # noqa: B006  # FastAPI copies it
        """What differs between runs that can matter, and their metrics."""
        found = [named(site.database, one) for one in run]
        if len(found) < 2:
            return Compared(runs=[one.run_id for one in found])
        records = [record for record in map(recorded, found) if record is not None]
        if not records:
            raise Refusal(
                Code.UNIMPLEMENTED, "there are no records of runs: taxiway/tracking is not here"
            )
        from taxiway.tracking.compare.compare import compare_runs
        from taxiway.tracking.source_texts import SourceTexts

        told = compare_runs(records, SourceTexts(project_root()))
        return Compared(**asdict(told))

    pages.add("/compare", "compare.html", compare)
