"""Lists of Parquet: any number of values in a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def is_list(found: Any) -> bool:
    """Whether an Arrow type is that of lists; vectors of a fixed size are something else."""
    return bool(pa.types.is_list(found) or pa.types.is_large_list(found))


def cast_lists(values: Any, cast: Callable[[Any], tuple[Any, list[int]]]) -> tuple[Any, list[int]]:
    """Casts what lists hold; a list without a value becomes a null, a null in a list is left out.

    Args:
      values: an array of lists.
      cast: from a flat array to the cast one, with nulls in it, and the places of bad values.

    Returns:
      A pa.LargeListArray, and the rows of the bad values.
    """
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    owner = np.repeat(np.arange(len(values)), lengths)
    flat, wrong = cast(values.flatten())
    known = flat.is_valid().to_numpy(zero_copy_only=False)
    lists = as_lists(flat.drop_null(), np.bincount(owner[known], minlength=len(values)))
    return lists, sorted({int(row) for row in owner[wrong]})


def as_lists(values: Any, lengths: Any) -> Any:
    """A pa.LargeListArray of the values, in turn so many in a row; null for a row of none."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    missing = np.append(np.asarray(lengths) == 0, False)
    return pa.LargeListArray.from_arrays(pa.array(offsets, mask=missing), values)
