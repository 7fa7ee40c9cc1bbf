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
from taxiway.registry.runs import IndexedRun, read_run
from taxiway.registry.runs.references import find_run

if TYPE_CHECKING:
    from taxiway.tracking.run_record.record import RunRecord


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
    """How a run ended, as far as that can be known now."""
    return _outcome_now()(outcome, Path(folder))


@cache
def _outcome_now() -> Callable[[str, Path], str]:
    try:
        from taxiway.tracking.under_way import outcome_now
    except ModuleNotFoundError:  # without it no one knows
        return lambda outcome, _: outcome
    return outcome_now
