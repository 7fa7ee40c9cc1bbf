"""Keys of rows without a key of their own: where a row is, and what is in it.

Each half does what it is good for (decision 72). The place decides the split, so that a new column
or a mended value moves no row; the content tells rows that are there twice; both name the row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxiway.arrow.ingest.rows.columns import Columns
from taxiway.arrow.ingest.rows.counting import hash_keys

_NULL: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Hashes:
    """Of the rows of a batch, uint64 [N] each; of rows with a key all are the hash of the key."""

    split: Any
    """Decides between train and eval."""
    name: Any
    """Identifies the row."""
    twin: Any
    """Equal where a row is there twice."""


def hashes(rows: Any, columns: Columns, file: str, numbers: Any) -> Hashes:
    """By the key where there is one.

    Args:
      rows: a record batch of examples.
      columns: which of them are read, and which is the key.
      file: name of the input file below data.root.
      numbers: of the rows in the file, from 1.
    """
    if columns.key:
        return of_keys(rows.column(rows.schema.get_field_index(columns.key)))
    read = [rows.schema.get_field_index(column.name) for column in columns.read]
    content = pa.RecordBatch.from_arrays(
        [rows.column(index) for index in read], [column.name for column in columns.read]
    )
    return of_rows(content, file, numbers)


def of_keys(keys: Any) -> Hashes:
    """By a column of keys, an array of strings without nulls."""
    hashes = hash_keys(keys.cast(pa.large_binary()).to_pylist())
    return Hashes(hashes, hashes, hashes)


def of_rows(rows: Any, file: str, numbers: Any) -> Hashes:
    """By place and content.

    Args:
      rows: a record batch, in the types of the schema and without any derived column.
      file: name of the input file below data.root.
      numbers: of the rows in the file, from 1.
    """
    places = hash_keys([f"{file}\0{number}".encode() for number in numbers.tolist()])
    content = _content(rows)
    return Hashes(places, _mixed(places ^ content), content)


def _content(rows: Any) -> Any:
    """A hash of each row's values, whatever the order of the columns."""
    total = np.zeros(rows.num_rows, np.uint64)
    for name, values in zip(rows.schema.names, rows.columns, strict=True):
        seed = np.frombuffer(hashlib.blake2b(name.encode(), digest_size=8).digest(), "<u8")[0]
        total += _mixed(_bits(values) ^ seed)
    return total


def _bits(values: Any) -> Any:
    """64 bits of each value."""
    missing = pc.is_null(values).to_numpy(zero_copy_only=False)
    if pa.types.is_large_string(values.type):
        packed = values.dictionary_encode()
        words = packed.dictionary.cast(pa.large_binary()).to_pylist()
        hashes = hash_keys([*words, b""])  # so that there is one to take where all are null
        index = packed.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
        bits = hashes[index]
    elif pa.types.is_large_list(values.type):
        bits = hash_keys([repr(value).encode() for value in values.to_pylist()])
    elif pa.types.is_floating(values.type):
        numbers = values.fill_null(0.0).to_numpy(zero_copy_only=False) + np.float32(0)  # no -0.0
        bits = numbers.astype(np.float32).view(np.uint32).astype(np.uint64)
    else:
        bits = values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return np.where(missing, _NULL, bits)


def _mixed(bits: Any) -> Any:
    """Spreads each bit over all 64: the finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
