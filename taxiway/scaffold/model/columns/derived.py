"""A label that is made of other columns by an expression, as ArrowExampleGen will make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from taxiway.arrow.ingest.rows.derive import evaluate
from taxiway.errors import ConfigError
from taxiway.modeling.spec.derive import check_derive, parse
from taxiway.scaffold.model.columns.profile import Profile, What, profile_of


def derived_label(
    label: str, expression: str, columns: Sequence[Profile], arrays: Mapping[str, Any]
) -> tuple[Profile, Any]:
    """The column that an expression makes.

    Args:
      label: its name; no column of the data has it.
      expression: such as `tips > 0.2 * fare`.
      columns: those of the data.
      arrays: their values, after repair.

    Raises:
      ConfigError: the expression cannot be read, or does not fit the columns; or the label is there
        already, or has no name.
    """
    if not label or label in arrays:
        raise ConfigError(
            f"--derive makes a new column: got --label '{label}', expected a name that is free",
            edit="--label",
        )
    check_derive("--derive", label, expression)
    parsed = parse(expression)
    parsed.kind({column.name: column.kind for column in columns})
    inputs = {
        column.name: arrays[column.name].cast(
            pa.large_string() if column.kind == "BYTES" else pa.float64(), safe=False
        )
        for column in columns
        if column.name in parsed.columns
    }
    values = evaluate(parsed.root, inputs, columns[0].rows)
    what: What = "float" if pa.types.is_floating(values.type) else "text"
    if pa.types.is_boolean(values.type):
        what, values = "int", values.cast(pa.int64())
    elif what == "text":
        values = values.cast(pa.string())
    return profile_of(label, values, what, "", (), ()), values


def made_of(expression: str) -> tuple[str, ...]:
    """The columns that an expression reads."""
    return parse(expression).columns if expression else ()
