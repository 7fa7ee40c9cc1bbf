"""One file of examples: read in batches, answered by every model, and summed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from taxiway.arrow.evaluator.measures import Measure
from taxiway.arrow.evaluator.models import USE_BEAM, USE_BEAM_KEY, Model, labels_of, predict
from taxiway.arrow.evaluator.pairing import Array, Rows
from taxiway.arrow.evaluator.slices import Column, members
from taxiway.arrow.evaluator.sums import Sums, merged
from taxiway.errors import ConfigError, DataError
from taxiway.modeling.example_files import open_examples
from taxiway.process.progress import rows_read
from taxiway.workers.job import Shard

BATCH_ROWS: Final = 8192


@dataclass(frozen=True)
class Settings:
    """What is done with each shard."""

    models: tuple[Model, ...]
    slices: tuple[tuple[str, ...], ...]
    measures: tuple[Measure, ...]
    replicates: int = 0
    """Of the bootstrap."""

    def columns(self) -> tuple[str, ...]:
        """What is read of each row beside what the models read."""
        of_models = [model.weight for model in self.models if model.weight]
        of_models += [m.label for m in self.models if m.label and not m.label_signature]
        of_slices = (name for spec in self.slices for name in spec)
        return tuple(dict.fromkeys([*of_models, *of_slices]))


def sum_shard(shard: Shard, settings: Settings, job: str) -> bytes:
    """The sums of one TFRecord file, gzipped or not, in memory that does not grow with it.

    Args:
      shard: a whole file.
      settings: what is summed.
      job: a `taxiway.workers.job.job_token`, for which models are loaded once in each process.

    Raises:
      DataError: rows without a label or weight, or answers that cannot be measured.
      ConfigError: a model that this engine cannot ask.
    """
    sums = Sums(settings.measures, settings.replicates)
    columns = _Columns(settings.columns())
    random = np.random.default_rng(_seed(shard.uri))
    for serialized in _batches(shard.uri):
        count = int(serialized.shape[0])
        rows_read(count)
        read = columns.read(serialized)
        rows = Rows(
            count,
            {model.name: predict(model, serialized, job) for model in settings.models},
            {m.name: _labels(m, serialized, read, job) for m in settings.models},
            {m.name: _weights(read, m.weight, count) for m in settings.models},
        )
        # A row's draws are those of its place in its file, whoever works on which file.
        draws = random.poisson(1.0, (count, settings.replicates)) if settings.replicates else None
        sums.add(rows, members(read, settings.slices, count), draws)
    return sums.to_bytes()


def merge_shards(parts: Sequence[bytes], settings: Settings) -> bytes:
    """The sums of all shards."""
    return merged(parts, settings.measures, settings.replicates)


def _batches(uri: str) -> Iterator[Any]:
    yield from open_examples([uri]).batch(BATCH_ROWS).prefetch(1)


def _seed(uri: str) -> int:
    """The same wherever the artifact is: of the names of the split and the file."""
    return zlib.crc32("/".join(PurePosixPath(uri).parts[-2:]).encode())


class _Columns:
    """Reads some features of tf.Examples, whose types follow from the first row that has them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._unseen = set(names)
        self._features: dict[str, Any] = {}
        self._decoder = ExamplesToRecordBatchDecoder(None)

    def read(self, serialized: Any) -> Mapping[str, Column]:
        """Values by name; a feature that no row so far has is left out."""
        if self._unseen:
            self._look(serialized)
        if not self._features:
            return {}
        parsed = tf.io.parse_example(serialized, self._features)
        return {
            name: Column(value.values.numpy(), value.row_splits.numpy())
            for name, value in parsed.items()
        }

    def _look(self, serialized: Any) -> None:
        """Asks the decoder for types; it parses everything, so no more rows than it takes."""
        step = 64
        rows = serialized.numpy()
        at = 0
        while self._unseen and at < len(rows):
            schema = self._decoder.DecodeBatch(rows[at : at + step].tolist()).schema
            for field in schema:
                if field.name in self._unseen and hasattr(field.type, "value_type"):
                    kind = _dtype(str(field.type.value_type))
                    self._features[field.name] = tf.io.RaggedFeature(
                        kind, row_splits_dtype=tf.int64
                    )
                    self._unseen.discard(field.name)
            at, step = at + step, step * 8


def _dtype(arrow: str) -> Any:
    return {"int64": tf.int64, "float": tf.float32}.get(arrow, tf.string)


def _labels(model: Model, serialized: Any, read: Mapping[str, Column], job: str) -> Array | None:
    if model.label_signature:
        return labels_of(model, serialized, job)
    return _matrix(read, model.label, int(serialized.shape[0])) if model.label else None


def _matrix(read: Mapping[str, Column], name: str, count: int) -> Array:
    """[N, L] of a column that has L values in every row.

    Raises:
      DataError: it has not.
    """
    lengths = np.diff(read[name].splits) if name in read else np.zeros(count, np.int64)
    most = max(int(lengths.max(initial=0)), 1)
    wrong = int((lengths != most).sum())
    if wrong:
        raise DataError(
            f"{wrong} of {count} rows have not {most} value(s) in column '{name}', "
            "which the Evaluator needs for labels or weights",
            edit=f"the data of column '{name}'",
        )
    values = read[name].values
    if values.dtype == object:
        raise ConfigError(
            f"column '{name}' has strings, expected numbers as labels and weights: {USE_BEAM}",
            edit=USE_BEAM_KEY,
        )
    return values.reshape(count, most)


def _weights(read: Mapping[str, Column], name: str, count: int) -> Array | None:
    if not name:
        return None
    weights = _matrix(read, name, count)
    if weights.shape[1] != 1:
        raise DataError(
            f"column '{name}' has {weights.shape[1]} values a row, expected one weight",
            edit=f"the data of column '{name}'",
        )
    return weights[:, 0]
