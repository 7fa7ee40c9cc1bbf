"""How lists of models, versions and runs are printed: as a table, as JSON, as CSV."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from taxiway.cli.table import print_table
from taxiway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from taxiway.registry.catalog.entries import Fields
    from taxiway.registry.search.comparison import Value

AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, and nothing else.")]
Columns = Annotated[
    str,
    typer.Option(help="Fields to show, such as version,state,metrics.auc,tags.owner."),
]
Sort = Annotated[
    str, typer.Option(help="Field to sort by, such as metrics.auc; -metrics.auc: highest first.")
]
Limit = Annotated[
    int | None,
    typer.Option(min=0, help="Rows at most, 0 for all; without it 20 in a table, else all."),
]
Archived = Annotated[bool, typer.Option("--all", help="With versions that are archived.")]
TABLE_LIMIT: Final = 20
NOTHING: Final = "-"
"""Of a cell."""


@dataclass(frozen=True)
class Look:
    """How a table shows fields that are not shown as they are.

    Args:
      heads: of columns that are not called by their field's name.
      cells: what stands in a column, from the row.
    """

    heads: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, Callable[[Fields], str]] = field(default_factory=dict)


PLAIN_LOOK: Final = Look()


def split_columns(text: str) -> list[str]:
    """Names of fields, in their order."""
    return [name for name in map(str.strip, text.split(",")) if name]


def print_rows(
    rows: Sequence[Fields],
    columns: Sequence[str],
    *,
    as_json: bool,
    as_csv: bool,
    limit: int | None,
    empty: str,
    look: Look = PLAIN_LOOK,
    one_line_each: bool = False,
) -> None:
    """Prints rows in the way that was asked for.

    Args:
      rows: fields of each.
      columns: those of a table and of CSV; JSON has all.
      as_json: whether JSON is asked for.
      as_csv: whether CSV is.
      limit: rows at most, 0 for all; None for what fits the way.
      empty: what a table without rows says.
      look: of the table.
      one_line_each: whether JSON has a line for each row.
    """
    most = limit if limit is not None else 0 if as_json or as_csv else TABLE_LIMIT
    shown = rows[:most] if most else rows
    if as_json:
        typer.echo(_json(shown, one_line_each))
    elif as_csv:
        _print_csv(shown, columns)
    else:
        _print_table(shown, columns, empty, look)
        if len(shown) < len(rows):
            typer.echo(f"{len(shown)} of {len(rows):,} shown; --limit 0 shows all", err=True)


def check_columns(names: Iterable[str], rows: Sequence[Fields], option: str) -> None:
    """Refuses a field that no row has, where there are rows.

    Raises:
      ConfigError: with a near name.
    """
    known = {name: None for row in rows for name in row}
    for name in names:
        if rows and name not in known:
            raise ConfigError(
                f"none of these has a field '{name}'{did_you_mean(name, known)} "
                f"(they have: {', '.join(sorted(known))})",
                edit=option,
            )


def table_cells(
    rows: Sequence[Fields], columns: Sequence[str], look: Look = PLAIN_LOOK
) -> tuple[list[str], list[list[str]], list[str]]:
    """Heads, a text for each cell, and the heads of those columns that are numbers."""
    cells = [[_shown(row, column, look) for column in columns] for row in rows]
    numbers = [name for name in columns if rows and all(_is_number(row.get(name)) for row in rows)]
    heads = [look.heads.get(name, name) for name in columns]
    return heads, cells, [look.heads.get(name, name) for name in numbers]


def _print_table(rows: Sequence[Fields], columns: Sequence[str], empty: str, look: Look) -> None:
    heads, cells, numbers = table_cells(rows, columns, look)
    print_table(heads, cells, numbers, empty)


def _json(rows: Sequence[Fields], one_line_each: bool) -> str:
    nested = [_nested(row) for row in rows]
    if not one_line_each:
        return json.dumps(nested, indent=2, ensure_ascii=False)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in nested)
    return f"[\n{lines}\n]" if lines else "[]"


def _print_csv(rows: Sequence[Fields], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_plain(row.get(name)) for name in columns])


def _is_number(value: Value) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _shown(row: Fields, name: str, look: Look) -> str:
    """A cell of a table."""
    value = row.get(name)
    show = look.cells.get(name)
    if show is not None:
        return show(row)
    if isinstance(value, float):
        return f"{value:,.4f}"
    return NOTHING if value is None else str(_plain(value)) or NOTHING


def short_time(text: str) -> str:
    """`2026-03-01 12:00`, of a time as the registry writes it."""
    return text[:16].replace("T", " ") or NOTHING


def _plain(value: Value) -> Any:
    """As one cell: several texts with commas between them."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, (str, int, float)):
        return value
    return ", ".join(value)


def _nested(row: Fields) -> dict[str, Any]:
    """As JSON: `metrics.auc` within `metrics`; what is no number is null."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        head, dot, rest = name.partition(".")
        if dot:
            out.setdefault(head, {})[rest] = value
        else:
            out[name] = value
    return out
