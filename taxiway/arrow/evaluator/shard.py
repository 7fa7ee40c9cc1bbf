"""One file of examples: read in batches, answered by every model, and summed."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from taxiway.arrow.evaluator.measures import Measure
from taxiway.arrow.evaluator.pairing import Array, Rows
from taxiway.arrow.evaluator.slices import Column, members
from taxiway.arrow.evaluator.sums import Sums, merged
from taxiway.errors import ConfigError, DataError
from taxiway.modeling.example_files import open_examples
from taxiway.process.progress import rows_read
from taxiway.workers.job import Shard

BATCH_ROWS: Final = 8192
USE_BEAM: Final = "use engine: beam for the Evaluator"
USE_BEAM_KEY: Final = "engine.components: {Evaluator: beam}"
USUAL_OUTPUTS: Final = ("scores", "outputs", "predictions", "logistic", "probabilities", "logits")
"""Where TFMA looks for predictions of a model with several outputs and no prediction_key."""


@dataclass(frozen=True)
class Model:
    """A SavedModel, and where its answers and the labels and weights to judge them by are."""

    name: str
    """As TFMA names it: empty where there is one model."""
    path: str
    signature: str
    prediction: str
    label: str
    weight: str


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
        of_models = (name for model in self.models for name in (model.label, model.weight) if name)
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
            {m.name: _matrix(read, m.label, count) if m.label else None for m in settings.models},
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


@functools.lru_cache(maxsize=4)
def _signature(job: str, path: str, name: str) -> tuple[Any, str, Any]:
    """A model's signature and the name of its input; the model is kept, or it would be freed."""
    del job  # but part of the key: in another job there may be another model at the path
    model = tf.saved_model.load(path, tags=[tf.saved_model.SERVING])
    wanted = name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    if wanted not in model.signatures:
        raise ConfigError(
            f"the model has no signature '{wanted}' (it has {', '.join(model.signatures)})",
            edit="signature_name of the model spec",
        )
    signature = model.signatures[wanted]
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1 or next(iter(inputs.values())).dtype != tf.string:
        raise ConfigError(
            f"signature '{wanted}' takes {', '.join(inputs)}, expected one tensor of serialized "
            f"examples: {USE_BEAM}",
            edit=USE_BEAM_KEY,
        )
    return signature, next(iter(inputs)), model


def predict(model: Model, serialized: Any, job: str) -> Array:
    """Answers of a batch, [N] or [N, classes]."""
    signature, argument, _ = _signature(job, model.path, model.signature)
    outputs = signature(**{argument: serialized})
    key = next(iter(outputs))
    if len(outputs) > 1:
        wanted = (model.prediction,) if model.prediction else USUAL_OUTPUTS
        key = next((name for name in wanted if name in outputs), "")
    if not key:
        raise ConfigError(
            f"the model answers {', '.join(sorted(outputs))}, "
            f"expected {' or '.join(wanted)} among them",
            edit="prediction_key of the model spec",
        )
    answers: Array = outputs[key].numpy()
    if answers.ndim not in (1, 2) or len(answers) != len(serialized):
        raise ConfigError(
            f"output '{key}' has the shape {list(answers.shape)} for {len(serialized)} rows, "
            f"expected a number, or one per class, for each row: {USE_BEAM}",
            edit=USE_BEAM_KEY,
        )
    return answers


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
