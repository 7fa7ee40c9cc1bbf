"""What commands about runs share: how a run is named, what is on record of it, rows of lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from taxiway.cli.rows import Look, check_columns, short_time, split_columns
from taxiway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from taxiway.cli.registry import OpenRegistry
    from taxiway.registry.runs import IndexedRun
    from taxiway.registry.runs.entries import Entry, Fields, Query
    from taxiway.registry.search.filter import Filter
    from taxiway.tracking.run_record.record import RunRecord

RUN_HELP: Final = "A run's id, its first characters, latest, or latest~1 for the one before."
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)]
FilterArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FILTER]", help="Words and comparisons, such as the examples above."),
]
Pipeline = Annotated[str, typer.Option(help="Only runs of the pipeline of this name.")]
Html = Annotated[
    str, typer.Option(metavar="FILE", help="Write a page that needs no other file; - prints it.")
]
LOOK: Final = Look(
    heads={"started_at": "started (UTC)", "commit": "commit"},
    cells={
        "started_at": lambda row: short_time(str(row.get("started_at") or "")),
        "seconds": lambda row: f"{row['seconds']:,.1f}",
        "commit": lambda row: str(row.get("commit") or "-")[:12],
        "failure": lambda row: (str(row.get("failure") or "").splitlines() or [""])[0],
    },
)
"""How tables show fields of runs."""


def find_run(registry: OpenRegistry, text: str) -> IndexedRun:
    """The run that was named on the command line; raises as `references.find_run`."""
    from taxiway.registry.runs import read_run
    from taxiway.registry.runs.references import find_run as find

    with registry.database.reading() as connection:
        found = read_run(connection, find(connection, text))
    assert found is not None
    return replace(found, outcome=_outcome_now()(found.outcome, Path(found.folder)))


def recorded(run: IndexedRun) -> RunRecord:
    """All that is on record of a run."""
    try:
        from taxiway.tracking.run_record.known import record_of
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"there are no records of runs: {error}", edit="taxiway/tracking"
        ) from None
    return record_of(run)


@cache
def _outcome_now() -> Callable[[str, Path], str]:
    try:
        from taxiway.tracking.under_way import outcome_now
    except ModuleNotFoundError:  # without it no one knows
        return lambda outcome, _: outcome
    return outcome_now


def read_rows(registry: OpenRegistry, query: Query, wanted: Filter) -> list[Entry]:
    """Runs that satisfy a filter, newest first."""
    from taxiway.registry.runs.entries import read_entries

    with registry.database.reading() as connection:
        found = read_entries(connection, query)
    return [one for one in map(_as_it_is, found) if wanted.matches(one.fields, one.text)]


def parsed(words: Sequence[str] | None) -> Filter:
    """The filter of a command line; raises where it has fields that no run can have."""
    from taxiway.registry.runs.entries import KNOWN
    from taxiway.registry.search.filter import parse

    wanted = parse(" ".join(words or ()))
    wanted.check(KNOWN)
    return wanted


def check_fields(
    registry: OpenRegistry, names: Sequence[str], rows: Sequence[Fields], option: str
) -> None:
    """Refuses a field that no run has; what the rows have not may be known of others."""
    from taxiway.registry.runs.entries import PLAIN, known_fields

    unknown = [name for name in names if name not in PLAIN and not any(name in row for row in rows)]
    if not unknown:
        return
    with registry.database.reading() as connection:
        known = dict.fromkeys(known_fields(connection))
    check_columns(unknown, [known] if known else [], option)


def hints(registry: OpenRegistry, wanted: Filter) -> str:
    """Fields of a filter that no run has, for they may be misspelt."""
    from taxiway.registry.runs.entries import known_fields

    asked = [name for name in wanted.fields if "." in name]
    if not asked:
        return ""
    with registry.database.reading() as connection:
        known = known_fields(connection)
    lacking = [name for name in asked if name not in known]
    return "".join(f"; none has {name}{did_you_mean(name, known)}" for name in lacking)


def asked_fields(wanted: Filter, columns: str, *more: str) -> list[str]:
    """All names that a command asks for."""
    return [name for name in (*wanted.fields, *split_columns(columns), *more) if name]


def _as_it_is(entry: Entry) -> Entry:
    fields = entry.fields
    outcome = _outcome_now()(str(fields["outcome"]), Path(str(fields["folder"])))
    if outcome == fields["outcome"]:
        return entry
    return replace(entry, fields={**fields, "outcome": outcome})
