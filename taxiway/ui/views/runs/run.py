"""One run: how it went, what it was made from, what it cost, and what people said of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from taxiway.registry.catalog.labels import Subject, notes_of, tags_of
from taxiway.ui.pages import Pages
from taxiway.ui.views.runs.records import named, recorded
from taxiway.ui.views.runs.report import report_of


class Run(BaseModel):
    """A run.

    Args:
      run: its id.
      outcome: how it ended.
      reason: node and cause of an outcome that is no success.
      has_report: whether `/runs/{run}/report` is there.
      lacks: what is not known of it, and why.
      tags: by key.
      notes: oldest first.
      record: all that `taxiway runs show --json` has; without taxiway/tracking, what the index has.
    """

    run: str
    outcome: str
    reason: str
    has_report: bool
    lacks: list[str]
    tags: dict[str, str]
    notes: list[dict[str, Any]]
    record: dict[str, Any]


def add(pages: Pages) -> None:
    """Adds `/runs/{run}`."""
    site = pages.site

    def run(run: str) -> Run:
        """A run, by its id, the first characters of it, or `latest`."""
        found = named(site.database, run)
        record = recorded(found)
        about = Subject("run", found.run_id)
        with site.database.reading() as connection:
            tags, notes = tags_of(connection, about), notes_of(connection, about)
        return Run(
            run=found.run_id,
            outcome=record.outcome if record else found.outcome,
            reason=record.reason if record else found.failure,
            has_report=report_of(found) is not None,
            lacks=list(found.facts.get("lacks", ())),
            tags=tags,
            notes=[asdict(note) for note in notes],
            record=record.model_dump(mode="json") if record else asdict(found),
        )

    pages.add("/runs/{run}", "run.html", run)
