"""features.py: the task, the key, and a line for each column, each with what was seen."""

from __future__ import annotations

import re

from taxiway.scaffold.model.plan.plan import Plan
from taxiway.scaffold.model.plan.roles import quoted
from taxiway.scaffold.model.writing.python import WIDTH, call, comment_line


def features_py(plan: Plan, source: str) -> str:
    """The file.

    Args:
      plan: what becomes of each column.
      source: the name of what was looked at.
    """
    label = plan.label
    kinds = {"FeatureSpec", label.call.head, *(role.call.head for role in plan.roles)}
    arguments = [*label.call.arguments]
    if plan.derive:
        arguments.append(f"derive={quoted(plan.derive)}")
    if plan.weight is not None:
        arguments.append(f"weight={quoted(plan.weight.name)}")
    why = f"{label.reason}; {label.task_reason}"
    key = quoted(plan.key.name) if plan.key else "None"
    lines = [
        f'"""What the model learns from: the columns of {_plain(source)}."""',
        "",
        *_imports(sorted(kinds)),
        "",
        "SPEC = FeatureSpec(",
        *call(f"task={label.call.head}", arguments, 4, why),
        comment_line(f"The key: {plan.key_reason}", 4),
        f"    key={key},",
        "    columns=(",
    ]
    for role in plan.roles:
        lines += call(role.call.head, role.call.arguments, 8, role.reason)
    lines.append("    ),")
    lines += _left_out(plan)
    lines.append(")")
    return "\n".join(lines) + "\n"


def _left_out(plan: Plan) -> list[str]:
    return [
        comment_line(f"Left out: {quoted(one.column.name)}: {one.reason}", 4)
        for one in plan.left_out
    ]


def _imports(names: list[str]) -> list[str]:
    line = f"from taxiway.modeling.spec import {', '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    return ["from taxiway.modeling.spec import (", *(f"    {name}," for name in names), ")"]


def _plain(text: str) -> str:
    return re.sub(r'["\\]', "'", text)[:60]
