"""Reads transformed examples into arrays, and splits off the rows that early stopping watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from configs.errors import DataError

Array = npt.NDArray[Any]
PARSE_BATCH = 8192


@dataclass(frozen=True)
class Rows:
    """Columns ready for the network ([N, width] each) and their labels ([N], 0 or 1)."""

    columns: dict[str, Array]
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Array) -> Rows:
        """The rows that a mask or an index names."""
        columns = {name: values[index] for name, values in self.columns.items()}
        return Rows(columns, self.labels[index])


def read_rows(patterns: Sequence[str], feature_spec: Mapping[str, Any], label: str) -> Rows:
    """Parses gzipped TFRecords of transformed examples, whole batches at a time.

    Raises:
      DataError: no rows, or a label other than 0 or 1.
    """
    files = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))
    batches = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(PARSE_BATCH)
    parsed = [
        {name: tensor.numpy() for name, tensor in batch.items()}
        for batch in batches.map(lambda rows: tf.io.parse_example(rows, dict(feature_spec)))
    ]
    if not parsed:
        raise DataError(f"no rows in {list(patterns)}", edit="data.spans")
    columns = {
        name: np.concatenate([batch[name] for batch in parsed]) for name in sorted(feature_spec)
    }
    labels = columns.pop(label)
    classes = np.unique(labels)
    if not np.isin(classes, (0, 1)).all():
        raise DataError(f"label '{label}' must be 0 or 1, found {classes.tolist()}")
    wide = {n: v.reshape(-1, 1) if v.ndim == 1 else v for n, v in columns.items()}
    return Rows(wide, labels)


def hold_out(rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Splits rows at random, alike in each class, into those to train on and those to watch.

    Raises:
      DataError: one of the two classes is absent, so there is nothing to learn.
    """
    generator = np.random.default_rng(seed)
    held = np.zeros(len(rows), dtype=bool)
    for value in (0, 1):
        index = np.flatnonzero(rows.labels == value)
        if not len(index):
            raise DataError(f"the train split has no row with label {value}", edit="data.spans")
        generator.shuffle(index)
        held[index[: max(1, round(len(index) * fraction))]] = True
    watched = rows.take(held)
    rest = rows.take(~held)
    return (rest, watched) if len(np.unique(rest.labels)) == 2 else (rows, watched)
