"""From examples to shuffled batches: rows are read once, kept on disk, and memory stays small.

Data come in the order of time, so batches must mix rows from everywhere. A row goes to a random
one of many files (a bucket), which makes each bucket a sample of the whole; an epoch takes the
buckets in random order and shuffles each in memory. That is the external shuffle of Sanders
("Random permutations on distributed, external and hierarchical memory", 1998): every order of the
rows is possible, and only a bucket or two are ever in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from taxiway.errors import DataError
from taxiway.modeling.example_files import files_in, open_examples
from taxiway.modeling.training.buckets import Array, Files, split
from taxiway.process.progress import rows_read

PARSE_BATCH = 8192
WATCH_BATCH: Final = 8192
SLAB_BATCHES: Final = 64
"""Batches handed to TensorFlow at a time, since each hand-over costs as much as a small batch."""
LABEL: Final = "(label)"
"""In files of rows; no column can be called so."""


@dataclass(frozen=True)
class Rows:
    """Columns ready for the network ([N, width] each) and their labels ([N], 0 or 1)."""

    columns: dict[str, Array]
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Array | slice) -> Rows:
        """The rows that a mask, an index or a slice names."""
        columns = {name: values[index] for name, values in self.columns.items()}
        return Rows(columns, self.labels[index])


def find_files(patterns: Sequence[str]) -> list[str]:
    """The files of `<folder>/*`, as TFX names a split's, sorted; a folder's name is no pattern."""
    return sorted(name for pattern in patterns for name in files_in(pattern.removesuffix("/*")))


def read_rows(
    files: Sequence[str],
    feature_spec: Mapping[str, Any],
    label: str,
    transform: Callable[[Any], Any] | None = None,
) -> Iterator[Rows]:
    """Parses TFRecords of tf.Examples, whole batches at a time and in order.

    Args:
      files: see example_files.py.
      feature_spec: of what the files hold.
      label: the column that is apart.
      transform: the graph from raw columns to transformed ones, where the files hold raw ones.

    Raises:
      DataError: no rows, or a label other than 0 or 1.
    """
    spec = dict(feature_spec)

    def parse(rows: Any) -> Any:
        parsed = tf.io.parse_example(rows, spec)
        return dict(parsed if transform is None else transform(parsed))

    found = False
    batches = open_examples(files).batch(PARSE_BATCH).map(parse).prefetch(1) if files else ()
    for batch in batches:
        found = True
        columns = {name: batch[name].numpy() for name in sorted(batch)}
        labels = columns.pop(label)
        classes = np.unique(labels)
        others = classes[~np.isin(classes, (0, 1))].tolist()
        if others:
            more = f", and {len(others) - 5:,} other values" if len(others) > 5 else ""
            raise DataError(
                f"label '{label}' must be 0 or 1, found {', '.join(map(str, others[:5]))}{more}",
                edit=f"the data of column '{label}', or label in the model's features.py",
            )
        wide = {n: v.reshape(-1, 1) if v.ndim == 1 else v for n, v in columns.items()}
        yield Rows(wide, labels)
    if not found:
        raise DataError(f"no rows in {list(files)}", edit="data.spans")


@dataclass(frozen=True)
class Stored:
    """Rows on disk: those to learn from, in buckets, and those that early stopping watches."""

    learn: tuple[Path, ...]
    watch: Path
    dtype: Any
    learned: tuple[int, int]
    """Rows of each class to learn from."""
    held_out: int
    """Rows that are watched."""
    seed: int

    @property
    def positive_rate(self) -> float:
        """Share of label 1 among the rows to learn from."""
        return self.learned[1] / sum(self.learned)

    def epoch(self, number: int) -> Iterator[Rows]:
        """All rows to learn from, in an order that the seed and the epoch decide, in blocks."""
        random = np.random.default_rng((self.seed, number))
        for bucket in random.permutation(len(self.learn)):
            rows = np.fromfile(self.learn[bucket], self.dtype)
            yield _unpacked(rows[random.permutation(len(rows))])

    def watched(self) -> Iterator[Rows]:
        """The rows held out, in the order they were read, in blocks."""
        with self.watch.open("rb") as file:
            while len(rows := np.fromfile(file, self.dtype, WATCH_BATCH)):
                yield _unpacked(rows)

    def batches(self, size: int, positive_weight: float) -> Any:
        """A tf.data.Dataset of (columns, labels, weights) in batches, reshuffled each time."""
        epochs = iter(range(1 << 62))

        def slabs() -> Iterator[Any]:
            for rows in _of_size(self.epoch(next(epochs)), size):
                yield _with_weights(rows, positive_weight, min(size, len(rows)))

        return self._dataset(slabs, -(-sum(self.learned) // size))

    def watched_batches(self, positive_weight: float) -> Any:
        """The rows held out, as `batches` gives the others, in large batches."""

        def slabs() -> Iterator[Any]:
            for rows in self.watched():
                yield _with_weights(rows, positive_weight, len(rows))

        return self._dataset(slabs, -(-self.held_out // WATCH_BATCH))

    def _dataset(self, slabs: Callable[[], Iterator[Any]], batches: int) -> Any:
        columns = {
            name: tf.TensorSpec([None, None, *kind.shape], kind.base)
            for name, kind in ((n, self.dtype[n]) for n in self.dtype.names if n != LABEL)
        }
        row = tf.TensorSpec([None, None], tf.float32)
        signature = (columns, tf.TensorSpec([None, None], tf.int64), row)
        whole = tf.data.Dataset.from_generator(slabs, output_signature=signature)
        slices = tf.data.Dataset.from_tensor_slices
        cut = whole.prefetch(1).flat_map(lambda *slab: slices(slab))
        return cut.apply(tf.data.experimental.assert_cardinality(batches)).prefetch(2)


def store_rows(
    blocks: Iterable[Rows], folder: Path, fraction: float, seed: int, buckets: int = 1
) -> Stored:
    """Writes rows to disk, and holds some out at random: alike in each class and in each block.

    Args:
      blocks: all rows of the train split.
      folder: an empty one, for the files.
      fraction: of each class that is held out; one row at least.
      seed: decides which rows those are, and the order of every epoch.
      buckets: files to deal the others to; those that become too large are split.

    Raises:
      DataError: one of the two classes is absent, so there is nothing to learn; or the rows
        cannot be written.
    """
    random = np.random.default_rng(seed)
    held_out = _HoldOut(fraction, random)
    paths = [folder / f"bucket-{number}" for number in range(buckets)]
    watch = folder / "watched"
    dtype: Any = None
    learned = np.zeros(2, np.int64)
    last: dict[int, Array] = {}
    with Files([*paths, watch]) as files:
        for rows in blocks:
            packed = _packed(rows)
            rows_read(len(packed))
            dtype = packed.dtype
            held = held_out.of(rows.labels)
            files.write(buckets, packed[held])
            learn = packed[~held]
            learned += np.bincount(learn[LABEL], minlength=2)
            files.deal(learn, random, buckets)
            for value in (0, 1):
                if len(only := packed[packed[LABEL] == value][-1:]):
                    last[value] = only
        for value in (0, 1):
            if value not in last:
                raise DataError(f"the train split has no row with label {value}", edit="data.spans")
            if not learned[value]:  # one row, which is watched: better learned from too
                files.write(0, last[value])
                learned[value] += 1
    learn_from = tuple(part for path in paths for part in split(path, dtype, random))
    classes = (int(learned[0]), int(learned[1]))
    return Stored(learn_from, watch, dtype, classes, held_out.count, seed)


class _HoldOut:
    """Which rows are held out, block after block: as large a share of each class."""

    def __init__(self, fraction: float, random: Any) -> None:
        self._fraction = fraction
        self._random = random
        self._seen = [0, 0]
        self._held = [0, 0]

    @property
    def count(self) -> int:
        """Rows held out so far."""
        return sum(self._held)

    def of(self, labels: Array) -> Array:
        """A mask of the held ones among the next rows, chosen at random."""
        mask = np.zeros(len(labels), dtype=bool)
        for value in (0, 1):
            index = np.flatnonzero(labels == value)
            if not len(index):
                continue
            self._seen[value] += len(index)
            wanted = max(1, round(self._seen[value] * self._fraction))
            count = min(len(index), wanted - self._held[value])
            mask[self._random.permutation(index)[:count]] = True
            self._held[value] += count
        return mask


def _of_size(blocks: Iterable[Rows], size: int) -> Iterator[Rows]:
    """The same rows in blocks of whole batches; the last block is the rest."""
    rest: Rows | None = None
    for block in blocks:
        rows = block if rest is None else _joined(rest, block)
        whole = len(rows) // size * size
        for start in range(0, whole, size * SLAB_BATCHES):
            yield rows.take(slice(start, min(start + size * SLAB_BATCHES, whole)))
        rest = rows.take(slice(whole, None))
    if rest is not None and len(rest):
        yield rest


def _joined(first: Rows, second: Rows) -> Rows:
    columns = {
        name: np.concatenate([values, second.columns[name]])
        for name, values in first.columns.items()
    }
    return Rows(columns, np.concatenate([first.labels, second.labels]))


def _with_weights(rows: Rows, positive_weight: float, batch: int) -> Any:
    """Columns, labels and weights as [batches, rows of a batch, ...]."""

    def cut(values: Array) -> Array:
        return np.ascontiguousarray(values).reshape(-1, batch, *values.shape[1:])

    weights = np.where(rows.labels == 1, positive_weight, 1.0).astype(np.float32)
    columns = {name: cut(values) for name, values in rows.columns.items()}
    return columns, cut(rows.labels.astype(np.int64)), cut(weights)


def _packed(rows: Rows) -> Array:
    """Rows side by side in memory, as they are kept on disk."""
    kinds = [(name, v.dtype, v.shape[1:]) for name, v in rows.columns.items()]
    packed = np.empty(len(rows), np.dtype([*kinds, (LABEL, np.int64)]))
    for name, values in rows.columns.items():
        packed[name] = values
    packed[LABEL] = rows.labels
    return packed


def _unpacked(rows: Array) -> Rows:
    names = rows.dtype.names or ()
    return Rows({name: rows[name] for name in names if name != LABEL}, rows[LABEL])
