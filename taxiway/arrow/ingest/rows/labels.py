"""The label of each row, where an expression makes it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.arrow.ingest.rows.cells import ARROW_TYPES, BadCell, Column, as_numbers
from taxiway.arrow.ingest.rows.columns import Columns
from taxiway.arrow.ingest.rows.derive import evaluate
from taxiway.errors import DataError


def derived_label(columns: Columns, raw: Any, rows: Any) -> tuple[Any, list[BadCell]]:
    """The label that `columns.derived` makes, null where it has no value.

    Args:
      columns: of the files, and the expression.
      raw: rows as the file has them, numbers as exact as they are there.
      rows: the same rows, in the types of the schema.

    Returns:
      An array in the label's type, and a bad cell for each number that its type does not take.

    Raises:
      DataError: the expression reads a column of lists.
    """
    assert columns.derived is not None
    inputs = {
        column.name: _input(column, raw.column(index), rows.column(index), columns.derived.text)
        for index, column in enumerate(columns.read)
        if column.name in columns.derived.columns
    }
    found = evaluate(columns.derived.root, inputs, rows.num_rows)
    if pa.types.is_boolean(found.type):
        return found.cast(pa.int64()).cast(ARROW_TYPES[columns.label_kind], safe=False), []
    if columns.label_kind == "BYTES":
        return found, []
    fits, words = _FITS[columns.label_kind]
    wrong = pc.fill_null(pc.invert(fits(found)), False)
    cells = [
        BadCell(int(row), columns.label, str(found[int(row)].as_py()), f"{words}: it is derived")
        for row in np.flatnonzero(wrong.to_numpy(zero_copy_only=False))
    ]
    found = pc.replace_with_mask(found, wrong, pa.scalar(None, pa.float64()))
    return found.cast(ARROW_TYPES[columns.label_kind], safe=False), cells


def _input(column: Column, raw: Any, cast: Any, expression: str) -> Any:
    """A column as expressions have it: text, or float64."""
    if pa.types.is_large_list(cast.type):
        raise DataError(
            f"derive {expression!r} reads '{column.name}', which has lists, expected one value in "
            "each row",
            edit="derive in the model's FeatureSpec",
        )
    if column.kind == "FLOAT":
        return as_numbers(raw)
    return cast if column.kind == "BYTES" else cast.cast(pa.float64(), safe=False)


def _is_whole(values: Any) -> Any:
    return pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), 2.0**63))


def _is_float32(values: Any) -> Any:
    return pc.is_finite(values.cast(pa.float32(), safe=False))


_FITS: Final = {"INT": (_is_whole, "an integer"), "FLOAT": (_is_float32, "a number of float32")}
"""Of numbers that are computed as float64."""
