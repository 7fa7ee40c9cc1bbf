"""What one column is: its kind, how many cells are missing, and the values that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.arrow.ingest.rows.cells import Kind
from taxiway.scaffold.model.columns.dates import ISO, DateForm, find_form
from taxiway.scaffold.model.columns.numbers import (
    NULL_WORDS,
    PLAIN_NULL_WORDS,
    Writing,
    find_writing,
    has_leading_zeros,
    misfits,
)

What = Literal["int", "float", "bool", "date", "text", "list", "empty", "other"]
QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
FEW_ODD: Final = 0.02
"""Share of a column's cells that may be words among numbers, which then count as no value."""
MOST_ODD_WORDS: Final = 3
TRUTHS: Final = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("ja", "nein"))
KEPT_VALUES: Final = 1_000


@dataclass(frozen=True)
class Profile:
    """A column as it was found, after repair."""

    name: str
    what: What
    rows: int
    missing: int = 0
    distinct: int = 0
    common: tuple[tuple[Any, int], ...] = ()
    """Values and how often each is there, the most frequent first; not more than KEPT_VALUES."""
    quantiles: tuple[float, ...] = ()
    """Of numbers, at QUANTILES."""
    words_each: float = 0.0
    """Words in a cell, on average."""
    tokens: int = 0
    """Different values in its lists."""
    separator: str = ""
    """Of the values in a text that is a list."""
    is_rising: bool = False
    """Whole numbers that rise by one from row to row."""
    type_found: str = ""
    """Of Parquet."""
    repair: str = ""
    """What was odd in its cells and is written anew, in words."""
    null_words: tuple[str, ...] = ()
    """Words in it that mean no value."""
    notes: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of rows that have a value."""
        return (self.rows - self.missing) / self.rows if self.rows else 0.0

    @property
    def is_number(self) -> bool:
        """Whether it is whole or real."""
        return self.what in ("int", "float")

    @property
    def is_unique(self) -> bool:
        """Whether no two rows have the same value."""
        return self.distinct == self.rows - self.missing and self.distinct > 1

    @property
    def kind(self) -> Kind:
        """The schema's type for it."""
        kinds: Mapping[str, Kind] = {"int": "INT", "float": "FLOAT"}
        is_whole = self.what == "bool" or (self.what == "list" and "int" in self.type_found)
        if is_whole and self.type_found:
            return "INT"
        return kinds.get(self.what, "BYTES")


SEPARATORS: Final = ("|", ";", ",")
LISTS: Final = 0.3
"""Share of cells with a separator from which on a text is a list of values."""
MOST_TOKENS: Final = 200
TOKEN_ROWS: Final = 5
"""Rows for each of the values of lists, on average."""

Convert = Callable[[Any], Any]
"""An array as it was read to one that the pipeline reads."""


def null_words_of(table: Any) -> tuple[str, ...]:
    """Words that mean no value in any column of a CSV file.

    A word is one where it stands among numbers or dates, or where it can hardly mean anything else.
    """
    found: dict[str, None] = {}
    for column in table.columns:
        if not pa.types.is_string(column.type):
            continue
        counts = _counts(column)
        used = [word for word in counts if word in NULL_WORDS]
        if not used:
            continue
        rest = [word for word in counts if word not in used]
        among_numbers = not rest or _is_measured(rest)
        codes = sum(len(word) == 2 and word.isupper() for word in rest)
        for word in used:
            is_code = word == "NA" and codes > len(rest) / 2
            if among_numbers or (word in PLAIN_NULL_WORDS and not is_code):
                found[word] = None
    return tuple(found)


def look(
    name: str, values: Any, null_words: Sequence[str] = (), is_csv: bool = True
) -> tuple[Profile, Convert | None]:
    """A column's profile, and what makes it readable where it is not.

    Args:
      name: of the column.
      values: an array, of text where the file is CSV.
      null_words: of the whole file.
      is_csv: whether text may be read as numbers; in Parquet it never is.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return _look_at_types(name, values)
    values = values.cast(pa.string())
    words = _without_words(values, null_words)
    counts = _counts(words)
    every = list(counts)
    what, odd, writing, form = _of_words(every, counts)
    if odd:
        words = _without_words(words, odd)
        every = [word for word in every if word not in odd]
    convert, repair, notes = _conversion(writing, form)
    if not is_csv and convert is None and (odd or what in ("int", "float")):
        convert, repair = _same, "numbers written as text"
    if convert is not None:
        words = convert(words)
    plain = _as_numbers(words, what) if what in ("int", "float") else words
    return _profile(name, plain, what, repair, odd, notes), convert


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
        values = _without_words(values.cast(pa.string()), null_words)
    values = convert(values) if convert else values
    is_text = pa.types.is_string(values.type)
    if is_text and not pa.types.is_string(into):
        return _as_numbers(values, "int" if pa.types.is_integer(into) else "float")
    return values.cast(into, safe=False)


def _conversion(
    writing: Writing | None, form: DateForm | None
) -> tuple[Convert | None, str, tuple[str, ...]]:
    if writing is not None:
        return _by_value(writing.plain), writing.words, ()
    if form is not None and form.format != ISO:
        notes: tuple[str, ...] = ()
        if form.other:
            notes = (f"read as {form.format}, though {form.other} would fit as well",)
        return _by_value(form.as_iso), f"dates written as {form.format}", notes
    return None, "", ()


def _same(values: Any) -> Any:
    return values


def _by_value(change: Callable[[str | None], str | None]) -> Convert:
    """A change of every cell, done once for each different one."""

    def convert(values: Any) -> Any:
        encoded = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        encoded = encoded.dictionary_encode()
        changed = pa.array([change(word) for word in encoded.dictionary.to_pylist()], pa.string())
        return changed.take(encoded.indices)

    return convert


def _of_words(
    every: Sequence[str], counts: Mapping[str, int]
) -> tuple[What, tuple[str, ...], Writing | None, DateForm | None]:
    """What text is: kind, words that mean no value, and how numbers or dates are written."""
    if not every:
        return "empty", (), None, None
    lower = {word.strip().lower() for word in every}
    if any(lower == set(pair) for pair in TRUTHS):
        return "bool", (), None, None
    if has_leading_zeros(every):
        return "text", (), None, None
    for what, kind in (("int", "INT"), ("float", "FLOAT")):
        odd = _few_odd(every, counts, misfits(pa.array(every, pa.string()), kind))  # type: ignore[arg-type]
        if odd is not None:
            return what, odd, None, None  # type: ignore[return-value]
    writing = find_writing(every)
    if writing is not None:
        plain = [writing.plain(word) or "" for word in every]
        whole = not misfits(pa.array(plain, pa.string()), "INT")
        return ("int" if whole else "float"), (), writing, None
    form = find_form(every)
    return ("date", (), None, form) if form else ("text", (), None, None)


def _few_odd(
    every: Sequence[str], counts: Mapping[str, int], rows: Sequence[int]
) -> tuple[str, ...] | None:
    """The few words that stand among numbers; None where they are too many for that."""
    words = tuple(every[row] for row in rows)
    cells = sum(counts[word] for word in words)
    is_few = len(words) <= MOST_ODD_WORDS and cells <= FEW_ODD * sum(counts.values())
    if not words:
        return ()
    has_digits = any(any(letter.isdigit() for letter in word) for word in words)
    return words if is_few and not has_digits else None


def _is_measured(words: Sequence[str]) -> bool:
    """Whether words are numbers or dates, however written."""
    array = pa.array(words, pa.string())
    if has_leading_zeros(words):
        return False
    return not misfits(array, "FLOAT") or bool(find_writing(words) or find_form(words))


def _look_at_types(name: str, values: Any) -> tuple[Profile, Convert | None]:
    types, found = pa.types, values.type
    told = str(found)
    if types.is_null(found) or len(values) == values.null_count:
        return Profile(name, "empty", len(values), len(values), type_found=told), None
    if types.is_boolean(found):
        words = values.cast(pa.string())
        return _profile(name, words, "bool", "", (), (), told), None
    if types.is_integer(found):
        return _profile(name, values, "int", "", (), (), told), None
    if types.is_floating(found) or types.is_decimal(found):
        numbers = values.cast(pa.float64(), safe=False)
        return _profile(name, _finite(numbers), "float", "", (), (), told), None
    if types.is_date(found) or types.is_timestamp(found):
        return _profile(name, _iso(values), "date", "", (), (), told), None
    what: What = "other"
    if types.is_list(found) or types.is_large_list(found):
        of = found.value_type
        is_word = types.is_string(of) or types.is_large_string(of) or types.is_integer(of)
        what = "list" if is_word else "other"
    flat = _counts(values.flatten()) if what == "list" else {}
    common = tuple(sorted(flat.items(), key=lambda item: -item[1])[:KEPT_VALUES])
    return Profile(
        name,
        what,
        len(values),
        values.null_count,
        distinct=max(len(flat), 2),
        common=common,
        tokens=len(flat),
        type_found=told,
    ), None


def _iso(values: Any) -> Any:
    """Moments as ISO 8601 has them."""
    if pa.types.is_date(values.type):
        return values.cast(pa.date32()).cast(pa.string())
    zone = values.type.tz
    plain = values.cast(pa.timestamp("us", zone)).cast(pa.timestamp("s", zone), safe=False)
    written = pc.strftime(plain, format="%Y-%m-%dT%H:%M:%S")
    return pc.binary_join_element_wise(written, pa.scalar("Z"), "") if zone == "UTC" else written


def _profile(
    name: str,
    values: Any,
    what: What,
    repair: str,
    odd: tuple[str, ...],
    notes: tuple[str, ...],
    type_found: str = "",
) -> Profile:
    counts = _counts(values)
    common = tuple(sorted(counts.items(), key=lambda item: -item[1])[:KEPT_VALUES])
    quantiles: tuple[float, ...] = ()
    words_each, is_rising = 0.0, False
    if what in ("int", "float"):
        numbers = values.drop_null().cast(pa.float64(), safe=False).to_numpy()
        if len(numbers):
            quantiles = tuple(float(one) for one in np.quantile(numbers, QUANTILES))
            is_rising = what == "int" and len(numbers) > 2 and bool((np.diff(numbers) == 1).all())
    elif counts:
        known = sum(counts.values())
        words_each = sum(len(word.split()) * count for word, count in counts.items()) / known
    separator, tokens = _separator(counts) if what == "text" else ("", 0)
    return Profile(
        name=name,
        what=what,
        rows=len(values),
        missing=values.null_count,
        distinct=len(counts),
        common=common,
        quantiles=quantiles,
        words_each=words_each,
        tokens=tokens,
        separator=separator,
        is_rising=is_rising,
        type_found=type_found,
        repair=repair,
        null_words=odd,
        notes=notes,
    )


def _separator(counts: Mapping[str, int]) -> tuple[str, int]:
    """What stands between the values of a text that is a list, and how many there are."""
    known = sum(counts.values())
    for separator in SEPARATORS:
        several = sum(count for word, count in counts.items() if separator in word)
        if several < LISTS * known:
            continue
        tokens = {one.strip() for word in counts for one in word.split(separator)} - {""}
        is_short = all(len(one.split()) <= 3 for one in tokens)
        if is_short and len(tokens) <= min(MOST_TOKENS, known / TOKEN_ROWS, len(counts)):
            return separator, len(tokens)
    return "", 0


def _counts(values: Any) -> dict[Any, int]:
    """How often each value is there; nulls are none."""
    counted = pc.value_counts(values)
    pairs = zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True)
    return {value: count for value, count in pairs if value is not None}


def _without_words(values: Any, words: Sequence[str]) -> Any:
    if not words:
        return values
    is_word = pc.is_in(values, value_set=pa.array(list(words), pa.string()))
    return pc.replace_with_mask(values, is_word, pa.scalar(None, pa.string()))


def _as_numbers(words: Any, what: What) -> Any:
    trimmed = pc.utf8_trim_whitespace(words)
    numbers = trimmed.cast(pa.int64() if what == "int" else pa.float64())
    if what == "int":
        return numbers
    return _finite(numbers)


def _finite(numbers: Any) -> Any:
    """Nulls for what is no number, or infinite."""
    odd = pc.fill_null(pc.invert(pc.is_finite(numbers)), False)
    return pc.replace_with_mask(numbers, odd, pa.scalar(None, numbers.type))
