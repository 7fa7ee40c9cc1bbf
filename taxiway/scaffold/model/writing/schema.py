"""schema.pbtxt: a line for each column of the data, whatever the model makes of it."""

from __future__ import annotations

import math
from typing import Any, Final

from taxiway.scaffold.model.columns.profile import Profile
from taxiway.scaffold.model.plan.plan import Plan

CLOSED_VALUES: Final = 12
"""Words up to so many different ones may be all that there are."""
CLOSED_ROWS: Final = 5
"""Rows that each of them has at least, in a column that looks closed."""
CLOSED_SHARE: Final = 0.01
"""And its share of all rows: what is rarer hints at values that were not seen."""
SLACK: Final = 0.02
DEVIATIONS: Final = 4.0


def schema_pbtxt(plan: Plan, columns: tuple[Profile, ...], eval_fraction: float) -> str:
    """The file.

    Args:
      plan: what becomes of each column.
      columns: those of the data as the pipeline reads it, in its order.
      eval_fraction: share of the smaller split, whose statistics are held against the schema.
    """
    lines = [
        "# What the data has to look like, as it was found and then curated: a line per column.",
        "# min_fraction is the share of rows that must have a value; string_domain is all values.",
    ]
    lines += [_line(plan, column, eval_fraction) for column in columns]
    lines += ['default_environment: "TRAINING"', 'default_environment: "SERVING"']
    return "\n".join(lines) + "\n"


def is_closed(column: Profile) -> bool:
    """Whether the words of a column look like all that there can be: few, and each often."""
    known = column.rows - column.missing
    least = max(CLOSED_ROWS, CLOSED_SHARE * known)
    is_few = 2 <= column.distinct <= CLOSED_VALUES
    return is_few and all(count >= least for _, count in column.common)


def least_share(column: Profile, eval_fraction: float) -> float:
    """The smallest share of rows with a value that is no surprise in the eval split."""
    share = column.share
    rows = max(column.rows * eval_fraction, 1.0)
    low = share - DEVIATIONS * math.sqrt(share * (1 - share) / rows) - SLACK
    return max(math.floor(low * 100) / 100, 0.0)


def _line(plan: Plan, column: Profile, eval_fraction: float) -> str:
    kind = plan.kind_of(column)
    is_label = column.name == plan.label.column.name
    is_used = is_label or column.name not in {one.column.name for one in plan.left_out}
    parts = [f"name: {text(column.name)} type: {kind}"]
    if is_used:
        least = 1.0 if is_label or not column.missing else least_share(column, eval_fraction)
        if least:
            parts.append(f"presence {{ min_fraction: {least:g} min_count: 1 }}")
        many = "" if column.what == "list" else " max: 1"
        parts.append(f"value_count {{ min: 1{many} }}")
    if is_label and kind == "INT" and plan.label.task == "binary" and plan.label.positive is None:
        parts.append(f"int_domain {{ name: {text(column.name)} min: 0 max: 1 }}")
    is_word = is_label or column.name in {one.column.name for one in plan.roles if one.is_category}
    if kind == "BYTES" and is_word and is_closed(column):
        values = " ".join(f"value: {text(value)}" for value in sorted(map(_plain, column.common)))
        parts.append(f"string_domain {{ name: {text(column.name)} {values} }}")
    if is_label:
        parts.append('not_in_environment: "SERVING"')
    return f"feature {{ {' '.join(parts)} }}"


def _plain(pair: tuple[Any, int]) -> str:
    return str(pair[0])


def text(value: str) -> str:
    """A string as the text format of protobuf has it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(_escaped(one) for one in escaped) + '"'


def _escaped(character: str) -> str:
    if character >= " " and character != "\x7f":
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode())
