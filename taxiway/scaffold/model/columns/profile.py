"""What one column is: its kind, how many cells are missing, and the values that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.arrow.ingest.rows.cells import Kind

What = Literal["int", "float", "bool", "date", "text", "list", "empty", "other"]
QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
KEPT_VALUES: Final = 1_000
SEPARATORS: Final = ("|", ";", ",")
LISTS: Final = 0.3
"""Share of cells with a separator from which on a text is a list of values."""
MOST_TOKENS: Final = 200
TOKEN_ROWS: Final = 5
"""Rows for each of the values of lists, on average."""


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


def profile_of(
    name: str,
    values: Any,
    what: What,
    repair: str,
    odd: tuple[str, ...],
    notes: tuple[str, ...],
    type_found: str = "",
) -> Profile:
    """The profile of an array that is plain: text, or numbers if it is one of those."""
    counts = counts_of(values)
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


def counts_of(values: Any) -> dict[Any, int]:
    """How often each value is there; nulls are none."""
    counted = pc.value_counts(values)
    pairs = zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True)
    return {value: count for value, count in pairs if value is not None}
