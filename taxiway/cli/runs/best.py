"""`taxiway runs best`: runs ranked by a metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles
from taxiway.cli.registry import open_registry
from taxiway.cli.rows import AsCsv, Limit, Look, print_rows
from taxiway.cli.runs.asked import LOOK, FilterArgument, Pipeline, asked_fields, hints, parsed
from taxiway.cli.runs.asked import read_rows as read
from taxiway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from taxiway.config.evaluation import Evaluation
    from taxiway.registry.runs.entries import Entry, Fields


def best(
    query: FilterArgument = None,
    metric: Annotated[str, typer.Option(help="To rank by, such as auc.")] = "",
    slice_: Annotated[
        str, typer.Option("--slice", help="Over these rows, such as origin=JFK; all without it.")
    ] = "",
    lowest: Annotated[
        bool, typer.Option("--lowest", help="The lowest first, where no one knows that it is best.")
    ] = False,
    pipeline: Pipeline = "",
    limit: Limit = None,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Rank runs by a metric, the best first; of all, or of those that a filter finds.

    \b
    taxiway runs best --metric auc
    taxiway runs best "tags.owner = ann" --metric auc --slice origin=JFK
    """  # the backspaces keep click from filling the lines
    from taxiway.registry.runs.entries import Query

    wanted = parsed(query)
    registry = open_registry(config, assignments)
    metric = metric or _first_metric(registry.config.evaluation)
    is_lowest = lowest or _is_lower_better(registry.config.evaluation, metric)
    asked = asked_fields(wanted, "", "metrics", "spans", *(("tags",) if as_json else ()))
    found = read(registry, Query(asked, wanted.words, pipeline, slices=bool(slice_)), wanted)
    if found:
        _check_known(found, metric, slice_)
    ranked = _ranked(found, metric, slice_, is_lowest)
    head = f"{metric}, {slice_}" if slice_ else metric
    look = Look({**LOOK.heads, "value": head}, LOOK.cells)
    shown = ["rank", "run", "value", "outcome", "started_at", "spans", "version", *wanted.fields]
    empty = f"no run is like that{hints(registry, wanted)}"
    ways = {"as_json": as_json, "as_csv": as_csv}
    shown = list(dict.fromkeys(shown))
    print_rows(ranked, shown, **ways, limit=limit, empty=empty, look=look, one_line_each=True)


def _ranked(found: Iterable[Entry], metric: str, part: str, lowest: bool) -> list[Fields]:
    """Those that have a value, each with its rank; equal ones share it."""
    there = [(value, one) for one in found if (value := _value(one, metric, part)) is not None]
    there.sort(key=lambda pair: pair[0] if lowest else -pair[0])
    ranked: list[Fields] = []
    for place, (value, one) in enumerate(there):
        equal = place > 0 and there[place - 1][0] == value
        rank = ranked[-1]["rank"] if equal else place + 1
        ranked.append({"rank": rank, "value": value, **one.fields})
    return ranked


def _value(entry: Entry, metric: str, part: str) -> float | None:
    measured = (entry.slices or {}).get(part, {}) if part else entry.fields
    value = measured.get(metric if part else f"metrics.{metric}")
    return value if isinstance(value, int | float) and value == value else None  # no NaN


def _check_known(found: Sequence[Entry], metric: str, part: str) -> None:
    """Raises where no run has measured it, with what they have."""
    if part:
        slices = dict.fromkeys(name for one in found for name in one.slices or {})
        if part not in slices:
            raise ConfigError(
                f"none of these runs has a slice '{part}'{did_you_mean(part, slices)} "
                f"(they have: {', '.join(slices) or 'none'})",
                edit="--slice",
            )
    names = dict.fromkeys(
        name.removeprefix("metrics.")
        for one in found
        for name in one.fields
        if name.startswith("metrics.")
    )
    if names and metric not in names:
        raise ConfigError(
            f"none of these runs has a metric '{metric}'{did_you_mean(metric, names)} "
            f"(they have: {', '.join(names)})",
            edit="--metric",
        )


def _first_metric(evaluation: Evaluation) -> str:
    """What the config ranks slices by, or its first metric."""
    named = evaluation.rank_by or next((one.name for one in evaluation.metrics or ()), "")
    if not named:
        raise ConfigError("no metric is given, and the config names none", edit="--metric")
    return named


def _is_lower_better(evaluation: Evaluation, name: str) -> bool:
    """Whether a metric is better the lower it is; one that nobody knows is not."""
    from taxiway.evaluation.metrics import METRICS, better

    own = next((one for one in evaluation.metrics or () if one.name == name), None)
    way = better(own) if own else METRICS[name].better if name in METRICS else "higher"
    if way == "target" and name in METRICS:
        raise ConfigError(
            f"'{name}' is best at a target, by which runs cannot be ranked",
            edit="--metric; --lowest ranks by it all the same",
        )
    return way == "lower"
