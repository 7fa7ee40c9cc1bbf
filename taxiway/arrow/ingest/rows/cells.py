"""Casts raw cells to the schema's types, a column at a time, and finds those that do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.arrow.ingest.rows.lists import cast_lists, is_list
from taxiway.arrow.ingest.rows.times import is_time, plain_times

Kind = Literal["INT", "FLOAT", "BYTES"]
Role = Literal["feature", "label", "key", "weight"]
# The three types of a tf.Example.
ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float32(), "BYTES": pa.large_string()}
WORDS = {"INT": "an integer", "FLOAT": "a finite number", "BYTES": "UTF-8 text"}
# Text that Arrow takes for a number on one stack or on both, and that is none: hexadecimal digits,
# which wrap around (0xFFFFFFFFFFFFFFFF is -1 to it), a plus sign, and a NaN with a payload.
NO_NUMBERS: Final = {"INT": "[xX]", "FLOAT": r"^\s*\+|\("}
HINTS: Final = {"INT": b"xX", "FLOAT": b"+("}
"""Of which one is in each of them: to look for a byte is a hundredth of a cast."""


@dataclass(frozen=True)
class Column:
    """What the curated schema says of one column.

    `low` and `high` bound label and weight only: other domains are ExampleValidator's to judge.
    """

    name: str
    kind: Kind
    required: bool
    low: float | None = None
    high: float | None = None
    role: Role = "feature"
    """A row without a label is no bad one: it is left out."""
    many: bool = False
    """A row may have any number of values."""


@dataclass(frozen=True)
class BadCell:
    """What is wrong with a row; `row` counts from 0 in its batch."""

    row: int
    column: str
    value: str
    expected: str
    field: str = ""
    """Of the column in the schema, which could be another; empty where that would not help."""


def has_usable_type(found: Any, kind: Kind, many: bool = False) -> bool:
    """Whether an Arrow column can hold values of a schema type; text is never read as a number."""
    types = pa.types
    if many and is_list(found):
        return has_usable_type(found.value_type, kind)
    if types.is_dictionary(found):
        found = found.value_type
    text = types.is_string(found) or types.is_large_string(found)
    if types.is_null(found) or (kind != "FLOAT" and is_time(found)):
        return True
    if kind == "BYTES":
        return bool(text or types.is_binary(found) or types.is_large_binary(found))
    number = types.is_integer(found) or types.is_floating(found) or types.is_decimal(found)
    return bool(number or (kind == "INT" and types.is_boolean(found)))


def clean(raw: Any, columns: Sequence[Column]) -> tuple[Any, list[BadCell]]:
    """Casts a record batch whose columns are in the order of `columns`.

    Returns:
      The batch in the types of the schema, and the first bad cell of each bad row, by row.
    """
    bad: dict[int, BadCell] = {}
    arrays = []
    for column, values in zip(columns, raw.columns, strict=True):
        if column.role == "label" and column.kind == "INT":
            values = _without_nan_words(values)
        cast, wrong = _cast(values, column.kind)
        for row in wrong:
            got, field = _show(values[row]), "" if column.kind == "BYTES" else "type"
            bad.setdefault(row, BadCell(row, column.name, got, WORDS[column.kind], field))
        for cell in _missing_or_out_of_domain(column, cast, values):
            bad.setdefault(cell.row, cell)
        arrays.append(cast)
    batch = pa.RecordBatch.from_arrays(arrays, [column.name for column in columns])
    return batch, [bad[row] for row in sorted(bad)]


def as_numbers(values: Any) -> Any:
    """A raw column as float64, as exact as it stands in the file; null where it is no number."""
    return _cast(values, "FLOAT", narrow=False)[0]


def _missing_or_out_of_domain(column: Column, values: Any, raw: Any) -> list[BadCell]:
    cells = []
    if column.required and values.null_count:
        for row in _true_rows(pc.is_null(values)):
            got = _show(raw[row]) if raw[row].is_valid else "nothing"
            field = "presence" if column.role == "feature" else ""
            expected = f"a value: the {'column' if field else column.role} is required"
            cells.append(BadCell(row, column.name, got, expected, field))
    low, high = column.low, column.high
    if low is not None:
        outside = pc.less(values, low)
        outside = outside if high is None else pc.or_(outside, pc.greater(values, high))
        for row in _true_rows(outside):
            expected = f"{low} or more" if high is None else f"{low} to {high}"
            field = "int_domain" if column.role == "label" else ""
            cells.append(BadCell(row, column.name, str(values[row].as_py()), expected, field))
    return cells


def _cast(values: Any, kind: Kind, narrow: bool = True) -> tuple[Any, list[int]]:
    """The cast column, bad cells null in it, and the rows of the bad cells.

    Whole columns are cast at once; only where that fails are the bad cells looked for. Floats stay
    float64 where they are not to be narrowed.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if is_list(values.type):
        return cast_lists(values, partial(_cast, kind=kind, narrow=narrow))
    if is_time(values.type):
        values = plain_times(values, kind)
    if pa.types.is_float16(values.type):
        values = _widened(values)
    if pa.types.is_floating(values.type):
        values = _nan_to_null(values)
    values, odd = _without_odd(values, kind)
    try:
        cast, infinite = _finish(_convert(values, kind), kind, narrow)
    except pa.ArrowInvalid:
        pass
    else:
        return cast, sorted({*odd, *infinite})
    if kind != "BYTES" and pa.types.is_binary(values.type):
        values = _trimmed(values)
        values = _truth_as_numbers(values) if kind == "INT" else values
    rows = list(_unconvertible(values, kind, 0))
    bad = np.zeros(len(values), dtype=bool)
    bad[rows] = True
    cast, infinite = _finish(_convert(_without(values, pa.array(bad)), kind), kind, narrow)
    return cast, sorted({*odd, *rows, *infinite})


def _convert(values: Any, kind: Kind) -> Any:
    if kind == "BYTES":
        # Parquet text is not validated on reading; the way over binary checks that it is UTF-8.
        return values.cast(pa.large_binary()).cast(pa.large_string())
    if pa.types.is_binary(values.type):
        values = values.cast(pa.string())
    if kind == "FLOAT":
        return values.cast(pa.float64(), safe=False)
    return values.cast(pa.int64())


def _finish(values: Any, kind: Kind, narrow: bool) -> tuple[Any, list[int]]:
    if kind == "BYTES":
        is_empty = pc.equal(pc.binary_length(values), 0)
        return _without(values, pc.fill_null(is_empty, False)), []
    if kind == "INT":
        return values, []
    numbers = _nan_to_null(values)
    numbers = numbers.cast(pa.float32(), safe=False) if narrow else numbers
    infinite = pc.is_inf(numbers)
    if not pc.any(infinite).as_py():
        return numbers, []
    return _without(numbers, pc.fill_null(infinite, False)), _true_rows(infinite)


def _unconvertible(values: Any, kind: Kind, start: int) -> list[int]:
    """Rows that cannot be converted, found by halving: few bad cells cost few casts."""
    try:
        _convert(values, kind)
    except pa.ArrowInvalid:
        if len(values) == 1:
            return [start]
        half = len(values) // 2
        return [
            *_unconvertible(values.slice(0, half), kind, start),
            *_unconvertible(values.slice(half), kind, start + half),
        ]
    return []


def _without_odd(values: Any, kind: Kind) -> tuple[Any, list[int]]:
    """Nulls for NO_NUMBERS, and their rows."""
    if kind == "BYTES" or not pa.types.is_binary(values.type) or not len(values):
        return values, []
    _, offsets, data = values.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[values.offset, values.offset + len(values)]]
    text = bytes(memoryview(data)[first:last]) if data else b""
    if not any(byte in text for byte in HINTS[kind]):
        return values, []
    is_odd = pc.fill_null(pc.match_substring_regex(values, NO_NUMBERS[kind]), False)
    rows = _true_rows(is_odd)
    return (_without(values, is_odd) if rows else values), rows


def _widened(values: Any) -> Any:
    """Half floats as floats: Arrow computes little with the former."""
    missing = pc.is_null(values).to_numpy(zero_copy_only=False)
    halves = np.frombuffer(values.buffers()[1], np.float16, len(values), 2 * values.offset)
    return pa.array(halves.astype(np.float32), mask=missing)


def _trimmed(values: Any) -> Any:
    """Spaces around a number are forgiven."""
    return pc.ascii_trim_whitespace(values.cast(pa.string(), safe=False)).cast(pa.binary())


def _truth_as_numbers(values: Any) -> Any:
    """`true` and `false`, in any case, are 1 and 0, as booleans of Parquet are."""
    words = pc.ascii_lower(values.cast(pa.string(), safe=False))
    for word, number in ((b"true", b"1"), (b"false", b"0")):
        is_word = pc.fill_null(pc.equal(words, word.decode()), False)
        values = pc.replace_with_mask(values, is_word, pa.scalar(number, values.type))
    return values


def _without_nan_words(values: Any) -> Any:
    """A label that says NaN is missing, also where it would be a whole number."""
    if not pa.types.is_binary(values.type) or not len(values):
        return values
    is_nan = pc.match_substring_regex(values, r"(?i)^\s*[+-]?nan\s*$")
    return _without(values, pc.fill_null(is_nan, False))


def _without(values: Any, mask: Any) -> Any:
    """The values with nulls where the mask is true.

    Not by if_else, which in Arrow 18 reads past the end of a slice of strings.
    """
    return pc.replace_with_mask(values, mask, pa.scalar(None, values.type))


def _nan_to_null(values: Any) -> Any:
    return _without(values, pc.fill_null(pc.is_nan(values), False))


def _true_rows(mask: Any) -> list[int]:
    return [int(row) for row in pc.indices_nonzero(mask).to_pylist()]


def _show(value: Any) -> str:
    if pa.types.is_dictionary(value.type):
        value = value.value
    # Not as_py for text, which is wrong where it is no UTF-8.
    is_text = isinstance(value, pa.StringScalar | pa.LargeStringScalar) and value.is_valid
    plain = value.as_buffer().to_pybytes() if is_text else value.as_py()
    if isinstance(plain, bytes):
        plain = plain.decode(errors="backslashreplace")
    text = repr(plain) if isinstance(plain, str) else str(plain)
    return text if len(text) <= 80 else f"{text[:77]}..."
