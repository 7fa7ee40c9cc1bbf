"""`taxiway models list` and `search`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Environment
from taxiway.cli.registry import OpenRegistry, open_registry
from taxiway.cli.rows import (
    Archived,
    AsCsv,
    Columns,
    Limit,
    Look,
    Sort,
    check_columns,
    print_rows,
    short_time,
    split_columns,
)
from taxiway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taxiway.registry.catalog.entries import Fields
    from taxiway.registry.catalog.overview import ModelLine
    from taxiway.registry.search.filter import Filter

MODELS: Final = ("model", "newest", "state", "alias", "serves", "versions", "created_at")
VERSIONS: Final = ("version", "state", "alias", "serves", "created_at", "author")
"""Columns where none are asked for."""
IN_JSON: Final = ("metrics", "tags")
"""What JSON has beside the plain fields."""
LOOK: Final = Look(
    heads={"created_at": "created (UTC)", "alias": "aliases"},
    cells={
        "version": lambda row: f"{row['model']}/{row['version']}",  # so that it can be typed
        "created_at": lambda row: short_time(str(row.get("created_at") or "")),
    },
)


def list_(
    model: Annotated[str, typer.Argument(help="List its versions; without it all models.")] = "",
    state: Annotated[
        str, typer.Option(help="Only those that are pending, approved or rejected.")
    ] = "",
    archived: Archived = False,
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List all models, or the versions of one, newest first."""
    registry = open_registry(config, assignments)
    asked = [*split_columns(columns), sort.removeprefix("-")]
    if state:
        _check_state(state)
    if model:
        from taxiway.registry.catalog.references import require_model

        with registry.database.reading() as connection:
            require_model(connection, model)
        found = _versions(registry, environment, asked, as_json, model, archived)
        rows = [fields for fields, _ in found]
    else:
        rows = _models(registry, environment, archived)
    if state:
        rows = [row for row in rows if row.get("state") == state]
    shown = split_columns(columns) or list(VERSIONS if model else MODELS)
    _print(rows, shown, sort, columns, as_json, as_csv, limit, "there is nothing to list yet")


def search(
    query: Annotated[
        list[str],
        typer.Argument(metavar="FILTER", help="Words and comparisons, such as the examples above."),
    ],
    archived: Archived = False,
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
    environment: Environment = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Find versions of all models by words and by a filter, newest first.

    \b
    taxiway models search wind gust
    taxiway models search "metrics.auc > 0.7 and not tags.owner = ann"
    taxiway models search "state = approved and created_at >= 2026-03"
    taxiway models search 'model ~ flight and (alias = champion or "wind gust")'

    \b
    Fields: model, version, state, alias, serves, author, created_at, style,
    run, archived, digest, place, and those in metrics. tags. facts. checks.
    baseline. contract. card. (metrics.auc)
    Operators: = != < <= > >=, ~ (contains), !~; and, or, not, ( ). Names and
    texts with blanks are quoted: metrics."a b" > 1. Case does not matter; a
    date is all that is within it; a missing field satisfies no comparison.
    """  # the backspaces keep click from filling the lines
    from taxiway.registry.catalog.entries import KNOWN
    from taxiway.registry.search.filter import parse

    wanted = parse(" ".join(query))
    wanted.check(KNOWN)
    registry = open_registry(config, assignments)
    asked = [*wanted.fields, *split_columns(columns), sort.removeprefix("-")]
    found = _versions(registry, environment, asked, as_json, "", archived, wanted.words)
    rows = [fields for fields, text in found if wanted.matches(fields, text)]
    extra = [name for name in wanted.fields if "." in name and any(name in row for row in rows)]
    shown = split_columns(columns) or list(dict.fromkeys([*VERSIONS, *extra]))
    empty = "no version is like that" + _hints(wanted, [fields for fields, _ in found])
    _print(rows, shown, sort, columns, as_json, as_csv, limit, empty)


def _print(
    rows: Sequence[Fields],
    shown: Sequence[str],
    sort: str,
    columns: str,
    as_json: bool,
    as_csv: bool,
    limit: int | None,
    empty: str,
) -> None:
    from taxiway.registry.catalog.entries import in_order

    check_columns(split_columns(columns), rows, "--columns")
    if sort:
        check_columns([sort.removeprefix("-")], rows, "--sort")
        rows = in_order(rows, sort)
    if as_csv and not columns and "version" in shown:
        shown = ["model", *shown]
    print_rows(rows, shown, as_json=as_json, as_csv=as_csv, limit=limit, empty=empty, look=LOOK)


def _versions(
    registry: OpenRegistry,
    environment: str | None,
    asked: Sequence[str],
    as_json: bool,
    model: str,
    archived: bool,
    words: bool = False,
) -> list[tuple[Fields, str]]:
    from taxiway.registry.catalog.entries import Query, read_entries

    query = Query(
        environment=registry.environment(environment),
        fields=[*asked, *(IN_JSON if as_json else ())],
        words=words,
        model=model,
        archived=archived or "archived" in asked,
    )
    with registry.database.reading() as connection:
        return [(entry.fields, entry.text) for entry in read_entries(connection, query)]


def _models(registry: OpenRegistry, environment: str | None, archived: bool) -> list[Fields]:
    from taxiway.registry.catalog.overview import list_models

    with registry.database.reading() as connection:
        lines = list_models(connection, registry.environment(environment))
    return [_fields(line) for line in lines if archived or line.versions]


def _fields(line: ModelLine) -> Fields:
    """A model as a row: aliases and environments with the versions that they mean."""
    row: dict[str, Any] = {
        "model": line.model,
        "newest": line.newest or None,
        "state": line.state,
        "alias": [f"{alias} {name}" for alias, name in line.aliases.items()] or None,
        "serves": [f"{place} {name}" for place, name in line.serves.items()] or None,
        "versions": line.versions,
        "archived": line.archived,
        "author": line.author or None,
        "created_at": line.created_at or None,
    }
    return row


def _check_state(state: str) -> None:
    """Raises where there is no such state, before the registry is read in vain."""
    from taxiway.registry.approval.states import StateName

    known = get_args(StateName)
    if state not in known:
        raise ConfigError(
            f"there is no state '{state}'{did_you_mean(state, known)} (known: {', '.join(known)})",
            edit="--state",
        )


def _hints(wanted: Filter, rows: Sequence[Fields]) -> str:
    """Fields of a filter that nothing has, for they may be misspelt."""
    known = {name: None for row in rows for name in row}
    lacking = [name for name in wanted.fields if "." in name and name not in known]
    return "".join(f"; none has {name}{did_you_mean(name, known)}" for name in lacking)
