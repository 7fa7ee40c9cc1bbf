"""Which slices each row of a batch is in, as TFMA's slicer says it: integer codes, no loop on rows.

A row that lacks a column of a slicing spec is in no slice of that spec, one with several values is
in the slice of each, and columns of one spec are crossed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from taxiway.arrow.evaluator.pairing import Array
from taxiway.errors import DataError

SliceKey = tuple[tuple[str, str | int | float], ...]
"""Columns with their values, by column; `()` is the whole."""


@dataclass(frozen=True)
class Column:
    """Values of N rows, none, one or several a row: those of row i are [splits[i], splits[i+1])."""

    values: Array
    splits: Array


@dataclass(frozen=True)
class Members:
    """Pairs of a row and a slice it is in; a row is in a slice once."""

    keys: Sequence[SliceKey]
    rows: Array
    """[P] row numbers."""
    slices: Array
    """[P] indices into `keys`."""


def members(columns: Mapping[str, Column], specs: Sequence[Sequence[str]], count: int) -> Members:
    """The slices of a batch of `count` rows.

    Args:
      columns: by name; one that is not there is missing in every row.
      specs: columns to cross; specs with the same columns count once.
      count: rows.
    """
    keys: list[SliceKey] = []
    rows, slices = [], []
    coded: dict[str, _Coded] = {}
    for spec in dict.fromkeys(tuple(sorted(set(spec))) for spec in specs):
        if any(name not in columns for name in spec):
            continue
        for name in spec:
            coded.setdefault(name, _code(name, columns[name]))
        found, of_rows, of_slices = _crossed(spec, coded, count)
        rows.append(of_rows)
        slices.append(of_slices + len(keys))
        keys += found
    if not keys:
        nothing = np.zeros(0, np.int64)
        return Members((), nothing, nothing)
    return Members(keys, np.concatenate(rows), np.concatenate(slices))


@dataclass(frozen=True)
class _Coded:
    """A column whose values are codes, each once a row."""

    known: list[str | int | float]
    codes: Array
    starts: Array
    lengths: Array


def _code(name: str, column: Column) -> _Coded:
    count = len(column.splits) - 1
    lengths = np.diff(column.splits)
    known, codes = _distinct(name, column.values)
    if (lengths > 1).any():
        rows = np.repeat(np.arange(count), lengths)
        once = np.unique(rows * max(len(known), 1) + codes)
        rows, codes = np.divmod(once, max(len(known), 1))
        lengths = np.bincount(rows, minlength=count)
    starts = np.cumsum(lengths) - lengths
    return _Coded(known, codes.astype(np.int64), starts, lengths)


def _distinct(name: str, values: Array) -> tuple[list[str | int | float], Array]:
    """Distinct values as TFMA writes them, and the values as indices into those."""
    if values.dtype != object:
        known, codes = np.unique(values, return_inverse=True)
        return known.tolist(), codes.reshape(-1)
    encoded = pa.array(values, pa.binary()).dictionary_encode()
    try:
        text = [value.decode() for value in encoded.dictionary.to_pylist()]
    except UnicodeDecodeError as error:
        raise DataError(
            f"column '{name}' has the value {error.object!r}, which is not UTF-8: "
            "no slice can be named after it",
            edit="evaluation.slices",
        ) from error
    return text, encoded.indices.to_numpy(zero_copy_only=False)


def _crossed(
    spec: Sequence[str], coded: Mapping[str, _Coded], count: int
) -> tuple[list[SliceKey], Array, Array]:
    """Slices of one spec, and the pairs of row and slice; only slices that have rows are made."""
    keys: list[SliceKey] = [()]
    rows, codes = np.arange(count), np.zeros(count, np.int64)
    for name in spec:
        column = coded[name]
        lengths = column.lengths[rows]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        values = column.codes[np.repeat(column.starts[rows], lengths) + within]
        rows, codes = np.repeat(rows, lengths), np.repeat(codes, lengths)
        known, codes = np.unique(codes * max(len(column.known), 1) + values, return_inverse=True)
        codes = codes.reshape(-1)
        keys = [
            (*keys[before], (name, column.known[value]))
            for before, value in (divmod(code, len(column.known)) for code in known.tolist())
        ]
    return keys if count else [], rows, codes
