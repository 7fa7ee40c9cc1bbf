"""Shards of an Examples artifact, and their rows: as tensors, or as Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import tensorflow as tf

from taxiway.errors import DataError
from taxiway.modeling.example_files import files_in, open_examples
from taxiway.process.progress import rows_read
from taxiway.workers.job import Shard

BATCH_ROWS: Final = 8192
"""Rows of a batch: large enough that no cost per batch is felt, some megabytes at most."""


def shards_of(split_uris: Sequence[str]) -> list[Shard]:
    """The files of splits, each a shard; first by split, then by name.

    Raises:
      DataError: a folder has no file.
    """
    shards = []
    for uri in split_uris:
        files = files_in(uri)
        if not files:
            raise DataError(
                f"no examples in {uri}", edit="data.split, or the splits that are asked for"
            )
        shards += [Shard(file) for file in files]
    return shards


def serialized(shard: Shard, rows: int = BATCH_ROWS) -> Any:
    """A tf.data.Dataset of batches of serialized tf.Examples, string [rows]."""
    records = open_examples([shard.uri])
    if shard.first:
        records = records.skip(shard.first)
    if shard.last is not None:
        records = records.take(shard.last - shard.first)
    return records.batch(rows)


def parsed(
    shard: Shard, feature_spec: Mapping[str, Any], rows: int = BATCH_ROWS
) -> Iterator[dict[str, Any]]:
    """Batches of parsed columns, in order, read ahead by one.

    Args:
      shard: a TFRecord file, or rows [first, last) of it.
      feature_spec: as for tf.io.parse_example; what it does not name is skipped.
      rows: of a batch.

    Raises:
      DataError: the file cannot be read, or holds something else than these columns.
    """
    spec = dict(feature_spec)
    batches = serialized(shard, rows).map(lambda batch: tf.io.parse_example(batch, spec))
    try:
        for batch in batches.prefetch(1):
            rows_read(_rows(batch))
            yield batch
    except tf.errors.OpError as error:
        raise DataError(f"{shard} cannot be read: {error.message}") from error


def _rows(batch: Mapping[str, Any]) -> int:
    """Of parsed columns; without any, none are counted."""
    column = next(iter(batch.values()), None)
    return int(getattr(column, "dense_shape", getattr(column, "shape", (0,)))[0])


def record_batches(shard: Shard, rows: int = BATCH_ROWS) -> Iterator[Any]:
    """Batches as Arrow: every feature a list column, null where an example does not have it.

    Raises:
      DataError: the file cannot be read, or holds something else than tf.Examples.
    """
    from tfx_bsl.coders import example_coder

    decoder = example_coder.ExamplesToRecordBatchDecoder()
    try:
        for batch in serialized(shard, rows).prefetch(1).as_numpy_iterator():
            rows_read(len(batch))
            yield decoder.DecodeBatch(batch)
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise DataError(f"{shard} cannot be read: {error}") from error
