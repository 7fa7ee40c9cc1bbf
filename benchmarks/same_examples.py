"""Whether both sides made the same examples: every row, whatever their order and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.artifacts import compression, split_files
from taxiway.errors import DataError

DECODE_BATCH: Final = 8192


def read_split(uri: str, split: str, key: str) -> Any:
    """The examples of a split as a table, a value or a null per cell, sorted by key.

    Raises:
      DataError: there is no such split, or a cell holds several values.
    """
    import tensorflow as tf
    from tfx_bsl.coders import example_coder

    files = split_files(uri, split)
    if not files:
        raise DataError(f"there are no examples of the split '{split}' in {uri}", edit="--root")
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    records = tf.data.TFRecordDataset(files, compression_type=compression(files))
    batches = [
        pa.Table.from_batches([decoder.DecodeBatch(batch.tolist())])
        for batch in records.batch(DECODE_BATCH).as_numpy_iterator()
    ]
    # A column without any value in a batch has no type there.
    table = pa.concat_tables(batches, promote=True).combine_chunks()
    cells = {name: single_values(table[name], name) for name in sorted(table.column_names)}
    return pa.table(cells).sort_by(key).combine_chunks()


def single_values(lists: Any, name: str) -> Any:
    """Lists of one value or none as values and nulls.

    Raises:
      DataError: a list holds several values.
    """
    if pa.types.is_null(lists.type):
        return lists
    lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    if (pc.max(lengths).as_py() or 0) > 1:
        raise DataError(
            f"column '{name}' holds several values in a row; the benchmark compares single ones",
            edit="benchmarks/same_examples.py",
        )
    present = pc.equal(lengths, 1)
    place = pc.subtract(pc.cumulative_sum(lengths), 1)
    return pc.list_flatten(lists).take(pc.if_else(present, place, pa.scalar(None, place.type)))


def example_differences(stock: Any, taxiway: Any, split: str) -> list[str]:
    """What differs between two sorted tables of one split, one sentence per column."""
    if stock.num_rows != taxiway.num_rows:
        return [f"{split}: {stock.num_rows:,} rows from stock, {taxiway.num_rows:,} from Taxiway"]
    names = sorted({*stock.column_names, *taxiway.column_names})
    return [text for name in names for text in _column_differences(stock, taxiway, name, split)]


def _column_differences(stock: Any, taxiway: Any, name: str, split: str) -> Sequence[str]:
    where = f"{split}, column '{name}'"
    if name not in stock.column_names or name not in taxiway.column_names:
        side = "Taxiway" if name in taxiway.column_names else "stock"
        return [f"{where}: only {side} has it"]
    one, other = stock[name], taxiway[name]
    if one.type != other.type:
        return [f"{where}: {one.type} from stock, {other.type} from Taxiway"]
    if one.equals(other):
        return []
    same = pc.or_kleene(pc.equal(one, other), pc.and_(pc.is_null(one), pc.is_null(other)))
    rows = pc.invert(pc.fill_null(same, False))
    count = pc.sum(rows).as_py() or 0
    if not count:  # NaN is not equal to itself, and no one writes it
        return [f"{where}: holds NaN"]
    first = pc.index(rows, True).as_py()
    return [
        f"{where}: {count:,} rows differ; the first, by key, is {one[first].as_py()!r} from stock "
        f"and {other[first].as_py()!r} from Taxiway"
    ]
