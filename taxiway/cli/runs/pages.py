"""Lists and comparisons of runs as pages that need no other file, in the look of reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from taxiway.cli.rows import table_cells
from taxiway.cli.runs.asked import LOOK
from taxiway.cli.runs.compare import TITLES, difference_rows, measure_heads, measure_rows
from taxiway.errors import ConfigError
from taxiway.html.page import page
from taxiway.terminal import one_line

if TYPE_CHECKING:
    from taxiway.registry.runs.entries import Fields
    from taxiway.tracking.compare.differences import Comparison, Section

TEMPLATES: Final = Path(__file__).parent / "templates"


def write_list(target: str, rows: Sequence[Fields], columns: Sequence[str], query: str) -> None:
    """A list of runs.

    Args:
      target: a file, or - for standard output.
      rows: fields of each run.
      columns: that are shown.
      query: the filter; empty where there is none.
    """
    heads, cells, numbers = table_cells(rows, columns, LOOK)
    places = [place for place, name in enumerate(heads) if name in numbers]
    _write(target, "list.html.j2", query=query, heads=heads, rows=cells, numbers=places)


def write_comparison(target: str, found: Comparison) -> None:
    """A comparison of runs.

    Args:
      target: a file, or - for standard output.
      found: what it says.
    """
    sections = [
        {
            "title": title,
            "rows": difference_rows(found.of(section)),
            "diffs": _diffs(found, section),
        }
        for section, title in TITLES.items()
        if found.of(section)
    ]
    changed = [one for one in found.slices if one.largest]
    _write(
        target,
        "compare.html.j2",
        runs=found.runs,
        says=found.says,
        sections=sections,
        heads=measure_heads(found),
        metrics=measure_rows(found.metrics),
        slices=measure_rows(changed),
    )


def _diffs(found: Comparison, section: Section) -> list[tuple[str, str]]:
    return [(one.name, diff) for one in found.of(section) for diff in one.diffs if diff]


def _write(target: str, template: str, **values: Any) -> None:
    text = page(template, TEMPLATES, **values)
    if target == "-":
        typer.echo(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"'{target}' cannot be written: {error.strerror}", edit="--html"
        ) from None
    typer.echo(f"wrote {one_line(target)}", err=True)
