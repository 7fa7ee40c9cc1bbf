"""What is on record of a run; without taxiway/tracking, an optional part, what the index has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from taxiway.access.refusal import Code, Refusal
from taxiway.errors import ConfigError
from taxiway.registry.database.session import Database
from taxiway.registry.runs import UNFINISHED, IndexedRun, read_run
from taxiway.registry.runs.references import find_run

if TYPE_CHECKING:
    from taxiway.tracking.run_record.record import RunRecord

KILLED = "killed"
"""A run without an end whose process is gone."""


def named(database: Database, text: str) -> IndexedRun:
    """The run that an address names: by its id, its first characters, or `latest`.

    Raises:
      Refusal: there is none, or several begin so.
    """
    with database.reading() as connection:
        try:
            found = read_run(connection, find_run(connection, text))
        except ConfigError as error:
            raise Refusal(Code.NOT_FOUND, error.message) from None
    if found is None:
        raise Refusal(Code.NOT_FOUND, f"there is no run '{text}' any more")
    return replace(found, outcome=outcome_now(found.outcome, found.folder))


def recorded(run: IndexedRun) -> RunRecord | None:
    """All that is on record of a run; None where nothing of this project reads records."""
    try:
        from taxiway.tracking.run_record.known import record_of
    except ModuleNotFoundError:
        return None
    return record_of(run)


def outcome_now(outcome: str, folder: str) -> str:
    """How a run ended; one without an end is under way, or was killed."""
    if outcome == UNFINISHED and _under_way()(Path(folder)) is False:
        return KILLED
    return outcome


@cache
def _under_way() -> Callable[[Path], bool | None]:
    try:
        from taxiway.tracking.under_way import under_way
    except ModuleNotFoundError:  # without it no one knows
        return lambda _: None
    return under_way
