"""Looks at a column's cells and says what it is, and what has to be written anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from taxiway.scaffold.model.columns.arrays import Convert, as_iso, as_numbers, finite, without_words
from taxiway.scaffold.model.columns.dates import COMPACT, ISO, DateForm, are_compact_days, find_form
from taxiway.scaffold.model.columns.numbers import (
    NULL_WORDS,
    PLAIN_NULL_WORDS,
    Writing,
    find_writing,
    has_leading_zeros,
    misfits,
)
from taxiway.scaffold.model.columns.profile import KEPT_VALUES, Profile, What, counts_of, profile_of

FEW_ODD: Final = 0.02
"""Share of a column's cells that may be words among numbers, which then count as no value."""
MOST_ODD_WORDS: Final = 3
TRUTHS: Final = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("ja", "nein"))


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
    words = without_words(values, null_words)
    counts = counts_of(words)
    every = list(counts)
    what, odd, writing, form = _of_words(every, counts)
    if odd:
        words = without_words(words, odd)
        every = [word for word in every if word not in odd]
    convert, repair, notes = _conversion(writing, form)
    if not is_csv and convert is None and (odd or what in ("int", "float")):
        convert, repair = _same, "numbers written as text"
    if convert is not None:
        words = convert(words)
    plain = as_numbers(words, what) if what == "int" or what == "float" else words
    return profile_of(name, plain, what, repair, odd, notes), convert


def null_words_of(table: Any) -> tuple[str, ...]:
    """Words that mean no value in any column of a CSV file.

    A word is one where it stands among numbers or dates, or where it can hardly mean anything else.
    """
    found: dict[str, None] = {}
    for column in table.columns:
        if not pa.types.is_string(column.type):
            continue
        counts = counts_of(column)
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


def _is_measured(words: Sequence[str]) -> bool:
    """Whether words are numbers or dates, however written."""
    array = pa.array(words, pa.string())
    if has_leading_zeros(words):
        return False
    return not misfits(array, "FLOAT") or bool(find_writing(words) or find_form(words))


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
    if are_compact_days(every):
        return "date", (), None, DateForm(COMPACT)
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


def _look_at_types(name: str, values: Any) -> tuple[Profile, Convert | None]:
    types, found = pa.types, values.type
    told = str(found)
    if types.is_null(found) or len(values) == values.null_count:
        return Profile(name, "empty", len(values), len(values), type_found=told), None
    if types.is_boolean(found):
        words = values.cast(pa.string())
        return profile_of(name, words, "bool", "", (), (), told), None
    if types.is_integer(found):
        return profile_of(name, values, "int", "", (), (), told), None
    if types.is_floating(found) or types.is_decimal(found):
        numbers = values.cast(pa.float64(), safe=False)
        return profile_of(name, finite(numbers), "float", "", (), (), told), None
    if types.is_date(found) or types.is_timestamp(found):
        return profile_of(name, as_iso(values), "date", "", (), (), told), None
    what: What = "other"
    if types.is_list(found) or types.is_large_list(found):
        of = found.value_type
        is_word = types.is_string(of) or types.is_large_string(of) or types.is_integer(of)
        what = "list" if is_word else "other"
    flat = counts_of(values.flatten()) if what == "list" else {}
    missing = values.null_count
    if what == "list":  # one without a value is none
        missing = len(values) - (pc.sum(pc.greater(pc.list_value_length(values), 0)).as_py() or 0)
    common = tuple(sorted(flat.items(), key=lambda item: -item[1])[:KEPT_VALUES])
    return Profile(
        name,
        what,
        len(values),
        missing,
        distinct=max(len(flat), 2),
        common=common,
        tokens=len(flat),
        type_found=told,
    ), None
