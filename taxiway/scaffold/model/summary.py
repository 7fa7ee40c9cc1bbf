"""What `taxiway new model` prints: what it decided and why, and the next command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from taxiway.runners.console.terminal import TerminalConsole
from taxiway.scaffold.model.create import Created
from taxiway.terminal import one_line


def show(created: Created, as_json: bool = False) -> None:
    """Prints it."""
    console = TerminalConsole(quiet=as_json)
    if as_json:
        console.show_json(as_dict(created))
        return
    for head, text in _lines(created):
        console.print(f"{head:<11} {one_line(text)}", soft_wrap=True)


def as_dict(created: Created) -> dict[str, Any]:
    """The same for programs."""
    found, plan = created.found, created.found.plan
    return {
        "written": list(created.written),
        "data": [str(file) for file in found.placed.files],
        "rows": found.rows,
        "label": plan.label.column.name,
        "task": plan.label.task,
        "key": plan.key.name if plan.key else None,
        "columns": {role.column.name: role.call.head for role in plan.roles},
        "left_out": {one.column.name: one.reason for one in plan.left_out},
        "repairs": list(found.repairs),
        "notes": list(plan.notes),
        "next": next_command(created),
    }


def next_command(created: Created) -> str:
    """What to type next."""
    return f"make run-local CONFIG={created.found.names.given}"


def _lines(created: Created) -> Iterator[tuple[str, str]]:
    found, plan = created.found, created.found.plan
    label = plan.label
    where = found.placed.root or found.placed.files[0].parent
    verb = "in" if found.placed.root else "rewritten to" if found.repairs else "copied to"
    yield "data", f"{found.rows:,} rows, {len(found.columns)} columns, {verb} {where}"
    for repair in found.repairs:
        yield "  repaired", repair
    yield (
        "predicts",
        (
            f"{label.column.name} ({label.task}): {label.reason}; {label.task_reason} "
            "(--label and --task say otherwise)"
        ),
    )
    yield "key", f"{plan.key.name}: {plan.key_reason}" if plan.key else plan.key_reason
    yield "learns from", f"{len(plan.roles)} columns"
    for one in plan.left_out:
        yield "  left out", f"{one.column.name}: {one.reason}"
    for note in plan.notes:
        yield "note", note
    yield "wrote", ", ".join(created.written)
    yield "next", next_command(created)
