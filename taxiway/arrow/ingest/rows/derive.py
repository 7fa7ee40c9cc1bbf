"""Computes the expression that derives a label, on whole columns: see taxiway/modeling/spec/derive.

Numbers are float64 as they stand in the file, so that the label is what the same expression gives
in Python, whatever the examples round to float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from taxiway.modeling.spec.derive import ColumnOf, Constant, Node

TEXT: Final = pa.large_string()
FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "+": pc.add,
    "-": pc.subtract,
    "*": pc.multiply,
    "/": pc.divide,
    "negative": pc.negate,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
    "==": pc.equal,
    "!=": pc.not_equal,
    "and": pc.and_kleene,
    "or": pc.or_kleene,
    "not": pc.invert,
    "is missing": pc.is_null,
    "abs": pc.abs,
    "sqrt": pc.sqrt,
    "log": pc.ln,
    "min": lambda one, other: pc.min_element_wise(one, other, skip_nulls=False),
    "max": lambda one, other: pc.max_element_wise(one, other, skip_nulls=False),
}
"""Of each operation of the parser's OPERATIONS."""


def evaluate(node: Node, columns: Mapping[str, Any], rows: int) -> Any:
    """An array of float64, large_string or bool, null where there is no value.

    Args:
      node: of an expression whose kinds fit.
      columns: those that it reads, numbers as float64 and texts as large_string.
      rows: how many there are.
    """
    if isinstance(node, Constant):
        kind = {bool: pa.bool_(), str: TEXT}.get(type(node.value), pa.float64())
        return pa.repeat(pa.scalar(node.value, kind), rows)
    if isinstance(node, ColumnOf):
        return columns[node.name]
    arguments = [evaluate(one, columns, rows) for one in node.arguments]
    if node.operation == "if":
        return _chosen(*arguments)
    return _finite(FUNCTIONS[node.operation](*arguments))


def _finite(values: Any) -> Any:
    """Null in place of what a division by zero or the logarithm of one gives."""
    if not pa.types.is_floating(values.type):
        return values
    odd = pc.invert(pc.is_finite(values))
    return pc.replace_with_mask(values, pc.fill_null(odd, False), pa.scalar(None, values.type))


def _chosen(condition: Any, then: Any, otherwise: Any) -> Any:
    """Not by if_else, which in Arrow 18 reads past the end of a slice of strings."""
    holds = pc.fill_null(condition, False)
    chosen = pc.replace_with_mask(otherwise, holds, then.filter(holds))
    return pc.replace_with_mask(chosen, pc.is_null(condition), pa.scalar(None, chosen.type))
