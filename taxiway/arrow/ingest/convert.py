"""Turns span files into train and eval TFRecords of tf.Examples, and proves none was lost."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from taxiway.arrow.ingest.checks import check
from taxiway.arrow.ingest.duplicates import KeyWriter
from taxiway.arrow.ingest.reading import Batch, Source, read_rows
from taxiway.arrow.ingest.rows import keys
from taxiway.arrow.ingest.rows.counting import Tally, hash_keys, read_back
from taxiway.arrow.ingest.spans import SpanFile, file_bytes
from taxiway.arrow.ingest.summary import MOST_CLASSES, Settings, Summary
from taxiway.arrow.ingest.writing import Writers, file_name, remove_files
from taxiway.errors import DataError
from taxiway.modeling.names import EVAL_SPLIT, TRAIN_SPLIT
from taxiway.process.progress import rows_read
from taxiway.workers import active
from taxiway.workers.job import Shard

# Part of the cache key: raise it when the same files would become other examples, other splits or
# an error.
CONVERSION = 6
BUCKETS = 10_000
PARQUET_PACKS = 4
"""Bytes of gzipped examples for a byte of Parquet, as measured on the flights."""
STEP = "ArrowExampleGen"


def convert(
    files: Sequence[SpanFile], settings: Settings, split_uris: Mapping[str, str]
) -> Summary:
    """Streams the files into `data_tfrecord-<file>-of-<files>[.gz]` below each split's URI.

    A column without a value becomes a feature without a value. Nothing is shuffled, the Trainer
    does that: the same files give the same examples in the same order, however many workers there
    are. Their bytes may differ, because protobuf writes the features of an example in any order.

    Args:
      files: input files with their spans, in reading order.
      settings: columns, split and what to do with a bad row.
      split_uris: folder of each of SPLITS; what is in it is replaced.

    Raises:
      DataError: a file or row is bad, a split has no rows or one class of label only, the output
        cannot be written, or what is on disk afterwards is not what was read.
    """
    settings.columns()  # refuses before any work
    _remove(split_uris)
    _make(split_uris)
    parts = _parts(files, settings.shards)
    newest = max((file.span for file in files), default=0)
    job = Part(tuple(files), newest, settings, dict(split_uris), len(parts))
    try:
        size = _size(files, settings.source)
        found = active.run(partial(convert_part, job), parts, merge, STEP, input_bytes=size)
        summary: Summary = pickle.loads(found)  # noqa: S301  # written by `merge`
        check(summary, files, settings)
    except BaseException:
        _remove(split_uris)
        raise
    finally:
        remove_files(job.keys(part) for part in range(len(parts)))
    return summary


@dataclass(frozen=True)
class Part:
    """All that workers are given beside which of the files, [first, last), are theirs."""

    files: tuple[SpanFile, ...]
    newest: int
    settings: Settings
    split_uris: dict[str, str]
    parts: int

    def paths(self, part: int) -> dict[str, list[str]]:
        """The files of each split that a part writes."""
        each = -(-self.settings.shards // self.parts)
        return {
            name: [
                f"{uri}/{file_name(file, each * self.parts, self.settings.compression)}"
                for file in range(part * each, (part + 1) * each)
            ]
            for name, uri in self.split_uris.items()
        }

    def keys(self, part: int) -> str:
        """The file of a part's keys: beside the splits' folders, where nobody takes it for rows."""
        folder = self.split_uris[TRAIN_SPLIT].rpartition("/")[0]
        return f"{folder}/.keys-{part:05d}"


def convert_part(job: Part, shard: Shard) -> bytes:
    """Converts a few input files, reads back what was written, and gives a pickled Summary."""
    part, summary = int(shard.uri.partition(" ")[0]), Summary()
    paths, key_writer = job.paths(part), KeyWriter(job.keys(part))
    on_disk = {name: Tally() for name in paths}
    with Writers(paths) as writers:
        for file, batch, hashes in _batches(job, shard, summary):
            key_writer.add(hashes.twin)
            is_eval = _eval_mask(hashes.split, job.settings.train_buckets, file.span == job.newest)
            for name, mask in ((TRAIN_SPLIT, ~is_eval), (EVAL_SPLIT, is_eval)):
                rows = batch.rows.filter(pa.array(mask))
                _count(rows, name, summary, job.settings)
                summary.splits[name].add(hashes.name[mask])
                examples = writers.write(name, rows)
                on_disk[name].add(hashes.name[mask] if job.settings.key else hash_keys(examples))
    summary.keys.append(key_writer.close())
    for name, outputs in paths.items():
        found = read_back(outputs, job.settings.key)
        if found != on_disk[name]:
            raise DataError(
                f"the {name} split in {', '.join(outputs)} is not what was read: {found} on disk, "
                f"{on_disk[name]} read; the disk or the file system loses data",
                edit="output.root",
            )
        if not found.rows:  # a span that is all in the other split
            remove_files(outputs)
    return pickle.dumps(summary)


def _batches(
    job: Part, shard: Shard, summary: Summary
) -> Iterator[tuple[SpanFile, Batch, keys.Hashes]]:
    """Rows of the files of a shard, with their hashes; what was read of each file is counted."""
    columns = job.settings.columns()
    for file in job.files[shard.first : shard.last]:
        for batch in read_rows(file.path, columns, job.settings.source):
            summary.rows_read += batch.read
            rows_read(batch.read)
            summary.rows_dropped += batch.dropped
            summary.first_dropped = summary.first_dropped or batch.first_dropped
            summary.rows_unlabelled += batch.unlabelled
            summary.first_unlabelled = summary.first_unlabelled or batch.first_unlabelled
            written = summary.span_rows.get(file.span, 0) + batch.rows.num_rows
            summary.span_rows[file.span] = written
            yield file, batch, keys.hashes(batch.rows, columns, file.name, batch.numbers)


def _count(rows: Any, split: str, summary: Summary, settings: Settings) -> None:
    """Counts what the rows of a split have: classes of the label, and values for vocabularies."""
    classes = summary.classes[split]
    if len(classes) < MOST_CLASSES:
        labels = rows.column(rows.schema.get_field_index(settings.label)).unique()
        classes.update(labels.slice(0, MOST_CLASSES).to_pylist())
    for name in settings.vocabularies if split == TRAIN_SPLIT else ():
        values = rows.column(rows.schema.get_field_index(name))
        found = len(values) - values.null_count
        summary.values[name] = summary.values.get(name, 0) + found


def merge(parts: Sequence[bytes]) -> bytes:
    """One Summary of all parts, pickled."""
    total = Summary()
    for part in parts:
        total.add(pickle.loads(part))  # noqa: S301  # written by `convert_part`
    return pickle.dumps(total)


def _parts(files: Sequence[SpanFile], count: int) -> list[Shard]:
    """Runs of files, about equal in bytes, which depend on nothing but the files."""
    sizes = np.cumsum([0, *(file_bytes(file.path) for file in files)])
    wanted = min(count, len(files))
    shares = np.linspace(0, sizes[-1], wanted + 1)[1:-1]
    # Nearest file boundary to each share; each run has one file at least.
    bounds = [0]
    for number, share in enumerate(shares, start=1):
        nearest = int(np.abs(sizes - share).argmin())
        bounds.append(min(max(nearest, bounds[-1] + 1), len(files) - wanted + number))
    bounds.append(len(files))
    return [
        Shard(f"{part} of {wanted}, from {files[first].path}", first, last)
        for part, (first, last) in enumerate(itertools.pairwise(bounds))
    ]


def _size(files: Sequence[SpanFile], source: Source) -> int:
    """About the bytes of the examples: Parquet packs a row better than gzipped examples do."""
    return sum(
        file_bytes(file.path) * (1 if source.format_of(file.path) == "csv" else PARQUET_PACKS)
        for file in files
    )


def _remove(split_uris: Mapping[str, str]) -> None:
    """Also what a killed attempt may have left, perhaps in files of another number."""
    import tensorflow as tf

    for uri in split_uris.values():
        if tf.io.gfile.exists(uri):
            tf.io.gfile.rmtree(uri)


def _make(split_uris: Mapping[str, str]) -> None:
    import tensorflow as tf

    for uri in split_uris.values():
        try:
            tf.io.gfile.makedirs(uri)
        except tf.errors.OpError as error:
            raise DataError(
                f"the examples cannot be written to {uri}: {error.message}", edit="output.root"
            ) from error


def train_buckets(eval_fraction: float) -> int:
    """How many of BUCKETS hash buckets are train rows."""
    return BUCKETS - round(eval_fraction * BUCKETS)


def _eval_mask(hashes: Any, buckets: int | None, is_newest: bool) -> Any:
    if buckets is None:
        return np.full(len(hashes), is_newest)
    return hashes % np.uint64(BUCKETS) >= np.uint64(buckets)
