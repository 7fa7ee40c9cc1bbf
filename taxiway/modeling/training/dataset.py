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
from taxiway.modeling.tasks import Head, Labels, LabelStatistics
from taxiway.modeling.tasks.strata import HoldOut, Tally, class_of
from taxiway.modeling.training.buckets import Array, Files, split
from taxiway.process.progress import rows_read

PARSE_BATCH = 8192
WATCH_BATCH: Final = 8192
SLAB_BATCHES: Final = 64
"""Batches handed to TensorFlow at a time, since each hand-over costs as much as a small batch."""
LABEL: Final = "(label)"
WEIGHT: Final = "(weight)"
"""In files of rows, where a column after Transform cannot be called so."""


@dataclass(frozen=True)
class Rows:
    """Columns ready for the network ([N, width] each) and their labels [N].

    Labels are int64, the numbers of classes, or float32; weights float32 [N], or None for 1 each.
    """

    columns: dict[str, Array]
    labels: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Array | slice) -> Rows:
        """The rows that a mask, an index or a slice names."""
        columns = {name: values[index] for name, values in self.columns.items()}
        weights = None if self.weights is None else self.weights[index]
        return Rows(columns, self.labels[index], weights)


def find_files(patterns: Sequence[str]) -> list[str]:
    """The files of `<folder>/*`, as TFX names a split's, sorted; a folder's name is no pattern."""
    return sorted(name for pattern in patterns for name in files_in(pattern.removesuffix("/*")))


def read_rows(
    files: Sequence[str],
    feature_spec: Mapping[str, Any],
    labels: Labels,
    transform: Callable[[Any], Any] | None = None,
) -> Iterator[Rows]:
    """Parses TFRecords of tf.Examples, whole batches at a time and in order.

    Args:
      files: see example_files.py.
      feature_spec: of what the files hold.
      labels: which column they are, and what they are to be.
      transform: the graph from raw columns to transformed ones, where the files hold raw ones.

    Raises:
      DataError: no rows, or a label or weight that is none.
    """
    spec = dict(feature_spec)

    def parse(rows: Any) -> Any:
        parsed = tf.io.parse_example(rows, spec)
        columns = dict(parsed if transform is None else transform(parsed))
        return columns, labels.numbered(columns[labels.column])

    found = False
    batches = open_examples(files).batch(PARSE_BATCH).map(parse).prefetch(1) if files else ()
    for batch, numbered in batches:
        found = True
        columns = {name: batch[name].numpy() for name in sorted(batch)}
        numbers = numbered.numpy()
        labels.check(columns.pop(labels.column), numbers)
        weights = columns.pop(labels.weight) if labels.weight else None
        if weights is not None:
            labels.check_weights(weights)
        wide = {n: v.reshape(-1, 1) if v.ndim == 1 else v for n, v in columns.items()}
        yield Rows(wide, numbers, weights)
    if not found:
        raise DataError(f"no rows in {list(files)}", edit="data.spans")


@dataclass(frozen=True)
class Stored:
    """Rows on disk: those to learn from, in buckets, and those that early stopping watches."""

    learn: tuple[Path, ...]
    watch: Path
    dtype: Any
    learned: LabelStatistics
    """Of the rows to learn from."""
    held_out: int
    """Rows that are watched."""
    seed: int

    @property
    def size(self) -> int:
        """Rows to learn from."""
        return sum(self.learned.rows)

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

    def batches(self, size: int, head: Head) -> Any:
        """A tf.data.Dataset of (columns, targets, weights) in batches, reshuffled each time."""
        epochs = iter(range(1 << 62))

        def slabs() -> Iterator[Any]:
            for rows in _of_size(self.epoch(next(epochs)), size):
                yield self._slab(rows, head, min(size, len(rows)))

        return self._dataset(slabs, head, -(-self.size // size))

    def watched_batches(self, head: Head) -> Any:
        """The rows held out, as `batches` gives the others, in large batches."""

        def slabs() -> Iterator[Any]:
            for rows in self.watched():
                yield self._slab(rows, head, len(rows))

        return self._dataset(slabs, head, -(-self.held_out // WATCH_BATCH))

    def _slab(self, rows: Rows, head: Head, batch: int) -> Any:
        """Columns, targets and weights as [batches, rows of a batch, ...].

        Rows weigh as their classes and as their own weights, which are 1 on average.
        """

        def cut(values: Array) -> Array:
            return np.ascontiguousarray(values).reshape(-1, batch, *values.shape[1:])

        weights = head.class_weights(rows.labels)
        if rows.weights is not None:
            weights = weights * np.float32(self.size / sum(self.learned.weights)) * rows.weights
        columns = {name: cut(values) for name, values in rows.columns.items()}
        return columns, cut(head.targets(rows.labels)), cut(weights)

    def _dataset(self, slabs: Callable[[], Iterator[Any]], head: Head, batches: int) -> Any:
        columns = {
            name: tf.TensorSpec([None, None, *kind.shape], kind.base)
            for name, kind in ((n, self.dtype[n]) for n in _columns(self.dtype))
        }
        weights = tf.TensorSpec([None, None], tf.float32)
        targets = tf.TensorSpec([None, None], head.targets(np.zeros(0, self.dtype[LABEL])).dtype)
        signature = (columns, targets, weights)
        whole = tf.data.Dataset.from_generator(slabs, output_signature=signature)
        slices = tf.data.Dataset.from_tensor_slices
        cut = whole.prefetch(1).flat_map(lambda *slab: slices(slab))
        return cut.apply(tf.data.experimental.assert_cardinality(batches)).prefetch(2)


def store_rows(
    blocks: Iterable[Rows],
    labels: Labels,
    folder: Path,
    fraction: float,
    seed: int,
    buckets: int = 1,
) -> Stored:
    """Writes rows to disk, and holds some out at random: alike in each class and in each block.

    Args:
      blocks: all rows of the train split.
      labels: what theirs are.
      folder: an empty one, for the files.
      fraction: of each class that is held out; one row at least.
      seed: decides which rows those are, and the order of every epoch.
      buckets: files to deal the others to; those that become too large are split.

    Raises:
      DataError: one of the classes is absent, or all numbers are one, so there is nothing to learn;
        or the rows cannot be written.
    """
    random = np.random.default_rng(seed)
    count = max(1, len(labels.classes))
    held_out = HoldOut(fraction, random, count)
    learned = Tally(count)
    paths = [folder / f"bucket-{number}" for number in range(buckets)]
    watch = folder / "watched"
    dtype: Any = None
    last: dict[int, Array] = {}
    with Files([*paths, watch]) as files:
        for rows in blocks:
            packed = _packed(rows)
            rows_read(len(packed))
            dtype = packed.dtype
            classes = class_of(rows.labels)
            held = held_out.of(classes)
            files.write(buckets, packed[held])
            learn = packed[~held]
            learned.add(*_counted(learn))
            files.deal(learn, random, buckets)
            for number in range(count):
                if len(only := packed[classes == number][-1:]):
                    last[number] = only
        labels.check_present(last.keys())
        for number in range(count):
            if not learned.rows[number]:  # one row, which is watched: better learned from too
                files.write(0, last[number])
                learned.add(*_counted(last[number]))
    statistics = learned.statistics()
    labels.check_learned(statistics)
    learn_from = tuple(part for path in paths for part in split(path, dtype, random))
    return Stored(learn_from, watch, dtype, statistics, held_out.count, seed)


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


def _packed(rows: Rows) -> Array:
    """Rows side by side in memory, as they are kept on disk."""
    whole = {**rows.columns, LABEL: rows.labels}
    if rows.weights is not None:
        whole[WEIGHT] = rows.weights
    packed = np.empty(len(rows), np.dtype([(n, v.dtype, v.shape[1:]) for n, v in whole.items()]))
    for name, values in whole.items():
        packed[name] = values
    return packed


def _unpacked(rows: Array) -> Rows:
    columns = {name: rows[name] for name in _columns(rows.dtype)}
    return Rows(columns, *_counted(rows))


def _counted(rows: Array) -> tuple[Array, Array | None]:
    """Labels and weights."""
    return rows[LABEL], rows[WEIGHT] if WEIGHT in (rows.dtype.names or ()) else None


def _columns(dtype: Any) -> list[str]:
    return [name for name in dtype.names if name not in (LABEL, WEIGHT)]
