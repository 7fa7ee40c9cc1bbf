"""Turns span files into train and eval TFRecords of tf.Examples, and proves none was lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.cells import Column
from components.arrow_example_gen.reading import OnBadRow, read_columns, read_rows
from components.arrow_example_gen.spans import SpanFile
from configs.errors import DataError

# Part of the cache key: raise it when the same files would become other examples or splits.
CONVERSION = 1
BUCKETS = 10_000
TRAIN, EVAL = "train", "eval"
SPLITS = (TRAIN, EVAL)
GZIP_LEVEL = 1  # a third of the time of the default level 6, for files a quarter larger
READ_BACK_ROWS = 8192


@dataclass(frozen=True)
class Settings:
    """How rows become examples.

    `train_buckets` of BUCKETS hash buckets are train rows; None splits by time instead: the newest
    span is the eval split.
    """

    schema_file: str
    key: str
    label: str
    on_bad_row: OnBadRow
    train_buckets: int | None
    shards: int


@dataclass
class Tally:
    """Rows and, whatever their order, which ones: the sum of their keys' hashes modulo 2^64."""

    rows: int = 0
    digest: int = 0

    def add(self, hashes: Any) -> None:
        """Counts rows by the hashes of their keys."""
        self.rows += len(hashes)
        self.digest = (self.digest + int(hashes.sum(dtype=np.uint64))) % 2**64


@dataclass
class Summary:
    """What was read, left out and written."""

    rows_read: int = 0
    rows_dropped: int = 0
    first_dropped: str = ""
    splits: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in SPLITS})

    @property
    def digest(self) -> str:
        """One order-independent digest of all rows written, by key."""
        return f"{sum(tally.digest for tally in self.splits.values()) % 2**64:016x}"


def convert(
    files: Sequence[SpanFile], settings: Settings, split_uris: Mapping[str, str]
) -> Summary:
    """Streams the files into `data_tfrecord-<shard>-of-<shards>.gz` below each split's URI.

    A column without a value becomes a feature without a value, as with TFX's own ExampleGens.
    Nothing is shuffled, the Trainer does that: the same files give the same examples in the same
    order. Their bytes may differ, because protobuf writes the features of an example in any order.

    Args:
      files: input files with their spans, in reading order.
      settings: columns, split and what to do with a bad row.
      split_uris: folder of each of SPLITS; what is in it is replaced.

    Raises:
      DataError: a file or row is bad, a split has no rows or one class of label only, the output
        cannot be written, or what is on disk afterwards is not what was read.
    """
    columns = read_columns(settings.schema_file, settings.key, settings.label)
    summary = Summary()
    classes: dict[str, set[int]] = {name: set() for name in SPLITS}
    newest = max((file.span for file in files), default=0)
    with _Writers(split_uris, settings.shards) as writers:
        for file in files:
            for batch in read_rows(file.path, columns, settings.on_bad_row):
                summary.rows_read += batch.read
                summary.rows_dropped += batch.dropped
                summary.first_dropped = summary.first_dropped or batch.first_dropped
                keys = batch.rows.column(_index(columns, settings.key))
                hashes = hash_keys(keys.cast(pa.large_binary()).to_pylist())
                is_eval = _eval_mask(hashes, settings.train_buckets, file.span == newest)
                for name, mask in ((TRAIN, ~is_eval), (EVAL, is_eval)):
                    rows = batch.rows.filter(pa.array(mask))
                    labels = rows.column(_index(columns, settings.label))
                    classes[name].update(labels.unique().to_pylist())
                    summary.splits[name].add(hashes[mask])
                    writers.write(name, rows)
    _check_splits(summary, classes, settings)
    _check_rows(summary, split_uris, settings.key)
    return summary


def hash_keys(keys: Iterable[bytes]) -> Any:
    """A 64-bit hash of each key: the same in every run, file, row order and on every platform."""
    hashes = b"".join([hashlib.blake2b(key, digest_size=8).digest() for key in keys])
    return np.frombuffer(hashes, dtype="<u8")


def train_buckets(eval_fraction: float) -> int:
    """How many of BUCKETS hash buckets are train rows."""
    return BUCKETS - round(eval_fraction * BUCKETS)


def _eval_mask(hashes: Any, buckets: int | None, is_newest: bool) -> Any:
    if buckets is None:
        return np.full(len(hashes), is_newest)
    return hashes % np.uint64(BUCKETS) >= np.uint64(buckets)


def _index(columns: Sequence[Column], name: str) -> int:
    return next(index for index, column in enumerate(columns) if column.name == name)


def _check_splits(summary: Summary, classes: Mapping[str, set[int]], settings: Settings) -> None:
    dropped = f" ({summary.rows_dropped} bad rows were left out)" if summary.rows_dropped else ""
    for name in SPLITS:
        if not summary.splits[name].rows:
            raise DataError(
                f"the {name} split has no rows, of {summary.rows_read} read{dropped}",
                edit="data.spans or data.split",
            )
        if len(classes[name]) < 2:
            raise DataError(
                f"the {name} split has one class of label only: {settings.label} is "
                f"{next(iter(classes[name]))} in all of its {summary.splits[name].rows} rows"
                f"{dropped}",
                edit="data.spans or data.split, or the label in the input files",
            )


def _check_rows(summary: Summary, split_uris: Mapping[str, str], key: str) -> None:
    """Rows in equal rows out, by count and digest, read back from the files."""
    sorted_out = sum(tally.rows for tally in summary.splits.values())
    if summary.rows_read - summary.rows_dropped != sorted_out:
        raise DataError(
            f"{summary.rows_read} rows read and {summary.rows_dropped} left out, but {sorted_out} "
            "went to the splits: a bug in ArrowExampleGen"
        )
    for name in SPLITS:
        found = read_back(split_uris[name], key)
        if found != summary.splits[name]:
            raise DataError(
                f"the {name} split in {split_uris[name]} is not what was read: {found} on disk, "
                f"{summary.splits[name]} read; the disk or the file system loses data",
                edit="output.root",
            )


def read_back(uri: str, key: str) -> Tally:
    """Counts and digests the rows of a split on disk.

    Raises:
      DataError: a file cannot be read.
    """
    import tensorflow as tf

    # TensorFlow's own parser skips the other features: a tenth of the time of decoding to Arrow.
    only_key = {key: tf.io.FixedLenFeature([], tf.string)}
    tally = Tally()
    try:
        files = sorted(tf.io.gfile.glob(f"{uri}/data_tfrecord-*.gz"))
        records = tf.data.TFRecordDataset(files, compression_type="GZIP", buffer_size=1 << 20)
        keys = records.batch(READ_BACK_ROWS).map(
            lambda examples: tf.io.parse_example(examples, only_key)[key]
        )
        for batch in keys.prefetch(1).as_numpy_iterator():
            tally.add(hash_keys(batch.tolist()))
    except tf.errors.OpError as error:
        raise DataError(
            f"{uri} cannot be read back: {error.message}", edit="output.root"
        ) from error
    return tally


class _Writers:
    """All shards of all splits, open together and closed together."""

    def __init__(self, uris: Mapping[str, str], shards: int) -> None:
        from tfx_bsl.coders import example_coder

        self._uris = uris
        self._shards = shards
        self._encoder = example_coder.RecordBatchToExamplesEncoder()
        self._open: dict[str, list[Any]] = {}

    def __enter__(self) -> _Writers:
        import tensorflow as tf

        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=GZIP_LEVEL)
        for name, uri in self._uris.items():
            with _write_errors(uri):
                # A killed attempt may have left shards of another number behind.
                if tf.io.gfile.exists(uri):
                    tf.io.gfile.rmtree(uri)
                tf.io.gfile.makedirs(uri)
                paths = [
                    f"{uri}/data_tfrecord-{shard:05d}-of-{self._shards:05d}.gz"
                    for shard in range(self._shards)
                ]
                self._open[name] = [tf.io.TFRecordWriter(path, options) for path in paths]
        return self

    def write(self, name: str, rows: Any) -> None:
        """Encodes rows and deals them to the shards of a split."""
        if not rows.num_rows:
            return
        examples = self._encoder.encode(_as_lists(rows))
        with _write_errors(self._uris[name]):
            for shard, writer in enumerate(self._open[name]):
                for example in examples[shard :: self._shards]:
                    writer.write(example)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        import tensorflow as tf

        try:
            for name, writers in self._open.items():
                for writer in writers:
                    with _write_errors(self._uris[name]):
                        writer.close()
        except DataError:
            kind = DataError
            raise
        finally:
            if kind is not None:
                for uri in self._uris.values():
                    if tf.io.gfile.exists(uri):
                        tf.io.gfile.rmtree(uri)


@contextmanager
def _write_errors(uri: str) -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        reason = error.message if isinstance(error, tf.errors.OpError) else str(error)
        raise DataError(
            f"the examples cannot be written to {uri}: {reason}", edit="output.root"
        ) from error


def _as_lists(rows: Any) -> Any:
    """Each value as a list of one, and each null as a null list, as the encoder wants it."""
    arrays = []
    for column in rows.columns:
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        offsets = np.zeros(len(column) + 1, dtype=np.int64)
        np.cumsum(valid, out=offsets[1:])
        missing = np.append(~valid, False)
        values = column.drop_null()
        if pa.types.is_large_string(values.type):
            values = values.cast(pa.large_binary())
        arrays.append(pa.LargeListArray.from_arrays(pa.array(offsets, mask=missing), values))
    return pa.RecordBatch.from_arrays(arrays, rows.schema.names)
