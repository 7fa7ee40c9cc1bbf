"""Arrays as the pipeline reads them: no words for nothing, numbers as numbers, moments as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

Convert = Callable[[Any], Any]
"""An array as it was read to one that the pipeline reads."""


def readable(values: Any, convert: Convert | None, null_words: Sequence[str], into: Any) -> Any:
    """An array as the pipeline reads it from Parquet.

    Args:
      values: as they were read.
      convert: what `look` gave for them.
      null_words: of the whole file, and of this column.
      into: Arrow's type; None for what it is.
    """
    if into is None:
        return values
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = without_words(values.cast(pa.string()), null_words)
    values = convert(values) if convert else values
    is_text = pa.types.is_string(values.type)
    if is_text and not pa.types.is_string(into):
        return as_numbers(values, "int" if pa.types.is_integer(into) else "float")
    return values.cast(into, safe=False)


def without_words(values: Any, words: Sequence[str]) -> Any:
    """Text with nulls for these words."""
    if not words:
        return values
    is_word = pc.is_in(values, value_set=pa.array(list(words), pa.string()))
    return pc.replace_with_mask(values, is_word, pa.scalar(None, pa.string()))


def as_numbers(words: Any, what: Literal["int", "float"]) -> Any:
    """Text that the pipeline takes for numbers as int64 or float64."""
    trimmed = pc.utf8_trim_whitespace(words)
    numbers = trimmed.cast(pa.int64() if what == "int" else pa.float64())
    if what == "int":
        return numbers
    return finite(numbers)


def finite(numbers: Any) -> Any:
    """Nulls for what is no number, or infinite."""
    odd = pc.fill_null(pc.invert(pc.is_finite(numbers)), False)
    return pc.replace_with_mask(numbers, odd, pa.scalar(None, numbers.type))


def as_iso(values: Any) -> Any:
    """Moments as ISO 8601 has them."""
    if pa.types.is_date(values.type):
        return values.cast(pa.date32()).cast(pa.string())
    zone = values.type.tz
    plain = values.cast(pa.timestamp("us", zone)).cast(pa.timestamp("s", zone), safe=False)
    written = pc.strftime(plain, format="%Y-%m-%dT%H:%M:%S")
    return pc.binary_join_element_wise(written, pa.scalar("Z"), "") if zone == "UTC" else written
