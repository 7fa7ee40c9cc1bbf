"""`taxiway runs list`: runs by words and by fields, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles
from taxiway.cli.registry import open_registry
from taxiway.cli.rows import AsCsv, Limit, Sort, print_rows, split_columns
from taxiway.cli.runs.asked import (
    LOOK,
    FilterArgument,
    Html,
    Pipeline,
    asked_fields,
    check_fields,
    hints,
    parsed,
    read_rows,
)
from taxiway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taxiway.registry.runs.entries import Fields
    from taxiway.registry.search.filter import Filter

COLUMNS: Final = ("run", "pipeline", "outcome", "started_at", "seconds", "spans", "version")
"""Where none are asked for; a metric, what the filter asks for, and failures follow."""
IN_JSON: Final = ("metrics", "tags", "spans")
"""What JSON has beside the plain fields."""
NOTHING_YET: Final = "no runs here; `taxiway runs reindex` finds those of an older release"
ColumnNames = Annotated[
    str, typer.Option(help="Fields to show, such as run,metrics.auc,params.data.spans,tags.owner.")
]


def list_(
    query: FilterArgument = None,
    pipeline: Pipeline = "",
    outcome: Annotated[
        str,
        typer.Option(
            help="Only runs that ended so: succeeded, failed, stopped, interrupted, killed, "
            "unfinished."
        ),
    ] = "",
    columns: ColumnNames = "",
    sort: Sort = "",
    limit: Limit = None,
    html: Html = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List runs, newest first; all, or those that a filter finds.

    \b
    taxiway runs list wind gust
    taxiway runs list "metrics.auc > 0.7 and not tags.owner = ann"
    taxiway runs list "outcome = failed and started_at >= 2026-03"
    taxiway runs list "params.model.hyperparameters.learning_rate < 0.01"

    \b
    Fields: run, pipeline, model, outcome, started_at, seconds, version, spans,
    cost, runner, commit, command, failure, folder, and those in metrics.
    params. (the config) and tags.
    Operators: = != < <= > >=, ~ (contains), !~; and, or, not, ( ). Names and
    texts with blanks are quoted: metrics."a b" > 1. Case does not matter; a
    date is all that is within it; a missing field satisfies no comparison.
    """  # the backspaces keep click from filling the lines
    from taxiway.registry.catalog.entries import in_order
    from taxiway.registry.runs.entries import Query

    if outcome:
        _check_outcome(outcome)
    wanted = parsed(query)
    registry = open_registry(config, assignments)
    by = sort.removeprefix("-")
    metric = _metric(registry.config.evaluation)
    asked = asked_fields(wanted, columns, by, *IN_JSON, "" if columns else "metrics")
    found = read_rows(registry, Query(asked, wanted.words, pipeline), wanted)
    rows: Sequence[Fields] = [one.fields for one in found]
    if outcome:
        rows = [row for row in rows if row["outcome"] == outcome]
    check_fields(registry, split_columns(columns), rows, "--columns")
    if sort:
        check_fields(registry, [by], rows, "--sort")
        rows = in_order(rows, sort)
    shown = split_columns(columns) or _default(rows, wanted, by, metric)
    if html:
        from taxiway.cli.runs.pages import write_list

        write_list(html, rows[: limit or None], shown, " ".join(query or ()))
        return
    empty = (
        f"no run is like that{hints(registry, wanted)}" if wanted.text or outcome else NOTHING_YET
    )
    ways = {"as_json": as_json, "as_csv": as_csv}
    print_rows(rows, shown, **ways, limit=limit, empty=empty, look=LOOK, one_line_each=True)


def _default(rows: Sequence[Fields], wanted: Filter, by: str, metric: str) -> list[str]:
    """Columns where none are asked for: nothing that no row has."""
    some = next((name for row in rows for name in row if name.startswith("metrics.")), "")
    measured = metric if any(metric in row for row in rows) else some
    extra = [name for name in (measured, *wanted.fields, by) if name]
    extra = [name for name in extra if any(row.get(name) is not None for row in rows)]
    failed = ["failure"] if any(row["failure"] for row in rows) else []
    return list(dict.fromkeys([*COLUMNS, *extra, *failed]))


def _metric(evaluation: object) -> str:
    """The field of the metric that the config ranks by, or of its first one."""
    ranked = getattr(evaluation, "rank_by", "")
    metrics = getattr(evaluation, "metrics", None) or ()
    return f"metrics.{ranked or next((one.name for one in metrics), '')}"


def _check_outcome(outcome: str) -> None:
    """Raises where no run can end so."""
    from taxiway.metadata.records import Outcome
    from taxiway.registry.runs import UNFINISHED

    known = list(dict.fromkeys([*(one.value for one in Outcome), UNFINISHED]))
    if outcome not in known:
        raise ConfigError(
            f"--outcome: unknown outcome '{outcome}'{did_you_mean(outcome, known)} "
            f"(known: {', '.join(known)})",
            edit="--outcome",
        )
