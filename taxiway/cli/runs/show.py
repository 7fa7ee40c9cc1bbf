"""`taxiway runs show`: all that is on record of a run, on one page."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles
from taxiway.cli.registry import open_registry
from taxiway.cli.runs.asked import RunArgument, find_run, recorded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from taxiway.registry.catalog.labels import Note
    from taxiway.tracking.run_record.record import NodeUsage, RunRecord

_DIGEST: Final = 12
_MEGABYTE: Final = 1e6
_FILES: Final = 12
"""Of input, that are shown."""


def show(
    run: RunArgument,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Say all that is on record of a run: how it went, what it was made from, what it cost."""
    from taxiway.registry.catalog.labels import Subject, notes_of, tags_of

    registry = open_registry(config, assignments)
    found = find_run(registry, run)
    record = recorded(found)
    with registry.database.reading() as connection:
        about = Subject("run", found.run_id)
        tags, notes = tags_of(connection, about), notes_of(connection, about)
    if as_json:
        written = [vars(note) for note in notes]
        told = _finite(record.model_dump(mode="json")) | {"tags": tags, "notes": written}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    _print(record, tags, notes, found.facts.get("lacks", ()))


def _print(
    record: RunRecord, tags: Mapping[str, str], notes: Sequence[Note], lacks: Sequence[str]
) -> None:
    from rich.text import Text

    from taxiway.cli.blocks import block, fields, head, page_console
    from taxiway.cli.rows import short_time
    from taxiway.cli.table import make_table
    from taxiway.terminal import one_line

    console = page_console()
    console.print(Text(f"{one_line(record.run_id)}  {record.outcome}", style="bold"))
    console.print()
    fields(console, _about(record))
    block(console, "Not known", [("", one) for one in lacks])
    block(console, "Tags", list(tags.items()))
    by = [(f"{short_time(one.written_at)}  {one.written_by}", one.text) for one in notes]
    block(console, "Notes", by)
    block(console, "Metrics", [(name, f"{value:,.4f}") for name, value in record.metrics.items()])
    if record.slices:
        names = list(record.metrics) or list(record.slices[0].metrics)
        rows = [
            [one.name, *(_number(one.metrics.get(name)) for name in names)] for one in record.slices
        ]
        head(console, "Slices")
        console.print(make_table(("", *names), rows, names))
    block(console, "Curves", [(name, _curve(values)) for name, values in record.curves.items()])
    if record.nodes:
        head(console, "Nodes")
        heads = ("node", "state", "seconds", "CPU seconds", "peak MB", "reason")
        console.print(make_table(heads, map(_node, record.nodes), heads[2:5]))
    block(console, "Data", _data(record))
    block(console, "Code", _code(record))
    block(console, "Features", list(record.features.items()))
    block(console, "Config", [(key, _value(value)) for key, value in record.config.items()])


def _about(record: RunRecord) -> list[tuple[str, str]]:
    """What a run is, without what is not on record."""
    from taxiway.cli.rows import short_time

    cost, machine = record.cost, record.machine
    amount = f"{cost.amount:,.4f} {cost.currency}".strip()
    lines = [
        ("reason", record.reason),
        ("pipeline", record.pipeline),
        ("model", record.model),
        ("version", record.version),
        ("started", f"{short_time(record.started_at)} UTC" if record.started_at else ""),
        ("seconds", f"{record.seconds:,.1f}"),
        ("cost", f"{amount} for {cost.core_hours:.4f} core hours" if cost.core_hours else ""),
        ("runner", record.runner),
        ("command", record.command),
        ("machine", ", ".join(filter(None, (machine.host, machine.system)))),
        ("cores", str(machine.cores or "")),
        ("stack", record.packages.stack),
        ("lock", record.packages.lock[:_DIGEST]),
        ("report", record.report),
    ]
    return [line for line in lines if line[1]]


def _node(node: NodeUsage) -> list[str]:
    cpu, memory = node.cpu_seconds, node.peak_memory_bytes
    return [
        node.node,
        node.state,
        f"{node.seconds:,.1f}",
        "-" if cpu is None else f"{cpu:,.1f}",
        "-" if memory is None else f"{memory / _MEGABYTE:,.0f}",
        (node.reason.splitlines() or [""])[0],
    ]


def _data(record: RunRecord) -> list[tuple[str, str]]:
    data = record.data
    lines = [
        ("spans", data.spans),
        ("rows", ", ".join(f"{count:,} {split}" for split, count in data.rows.items())),
        ("folder", data.root),
        ("schema", data.schema_sha256[:_DIGEST]),
        ("kept", data.kept),
    ]
    lines += [
        (one.path, f"{one.bytes:,} bytes, {one.sha256[:_DIGEST]}") for one in data.files[:_FILES]
    ]
    more = len(data.files) - _FILES
    lines += [("", f"and {more:,} more files")] if more > 0 else []
    return [line for line in lines if line[1]]


def _code(record: RunRecord) -> list[tuple[str, str]]:
    code = record.code
    dirty = {True: "files that it used differed from it", False: "as committed", None: ""}
    lines = [
        ("commit", code.commit[:_DIGEST]),
        ("", dirty[code.dirty]),
        ("files", f"{len(code.files):,}" if code.files else ""),
        ("diff", f"{len(code.diff.splitlines()):,} lines" if code.diff else ""),
    ]
    return [line for line in lines if line[1]]


def _curve(values: Sequence[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4f}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _finite(value: Any) -> Any:
    """JSON has no number that is none: null stands there."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
