"""One file of examples through a model: Parquet of its answers, and examples with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import tensorflow as tf

from taxiway.arrow.bulk_inferrer.appending import COLUMNS_KEY, Appender
from taxiway.arrow.bulk_inferrer.columns import KEPT_COLUMNS_KEY, Kinds, read
from taxiway.arrow.bulk_inferrer.model import Model, Signature, load
from taxiway.arrow.bulk_inferrer.parquet import ParquetFile, rows_of
from taxiway.arrow.examples.reading import serialized
from taxiway.arrow.examples.writing import write_examples
from taxiway.errors import ConfigError, DataError, did_you_mean
from taxiway.process.progress import rows_read
from taxiway.workers import active
from taxiway.workers.job import Shard, job_token

STEP: Final = "BulkInferrer"


@dataclass(frozen=True)
class Target:
    """What is written of one file of examples; empty for nothing."""

    predictions: str = ""
    examples: str = ""


@dataclass(frozen=True)
class Work:
    """What is done with every file."""

    signature: Signature
    kept: Kinds = ()
    """Columns beside the predictions."""
    appended: tuple[tuple[str, str], ...] = ()
    """Outputs of the signature, and what they are called in output examples."""


def infer_all(work: Work, targets: Mapping[str, Target]) -> int:
    """Asks the model for every file, and gives the number of rows.

    Args:
      work: the model, and what is wanted of it.
      targets: by file of examples.

    Raises:
      ConfigError: the model cannot be asked for this.
      DataError: rows that cannot be read, that the model refuses, or that were lost.
      ShardError: see `taxiway.workers.active.run`.
    """
    for folder in {path.rpartition("/")[0] for each in targets.values() for path in _paths(each)}:
        tf.io.gfile.makedirs(folder)
    shards = [Shard(uri) for uri in targets]
    map_fn = partial(infer, work, dict(targets), job_token())
    rows = int(json.loads(active.run(map_fn, shards, sum_rows, STEP)))
    files = [each.predictions for each in targets.values() if each.predictions]
    written = sum(map(rows_of, files))
    if files and written != rows:
        raise DataError(f"{STEP} read {rows} examples, and its files have {written} rows")
    return rows


def infer(work: Work, targets: Mapping[str, Target], job: str, shard: Shard) -> bytes:
    """The map over files; writes what the file's target names, and gives its number of rows."""
    model = load(work.signature, job)
    _check_names(work, model)
    target = targets[shard.uri]
    rows = 0
    with ExitStack() as stack:
        parquet = target.predictions and stack.enter_context(ParquetFile(target.predictions))
        appender = Appender()

        def batches() -> Iterator[list[bytes]]:
            nonlocal rows
            for batch in _batches(shard):
                kept = read(batch, work.kept, str(shard))
                answers = model.answer(batch, str(shard))
                if parquet:
                    parquet.write({**kept, **answers})
                further = {column: answers[output] for output, column in work.appended}
                yield appender.append(batch.numpy().tolist(), further) if further else []
                rows += int(batch.shape[0])

        if target.examples:
            write_examples(batches(), target.examples)
        else:
            for _ in batches():
                pass
    return json.dumps(rows).encode()


def sum_rows(parts: Sequence[bytes]) -> bytes:
    """The merge: all rows."""
    return json.dumps(sum(json.loads(part) for part in parts)).encode()


def _paths(target: Target) -> list[str]:
    return [path for path in (target.predictions, target.examples) if path]


def _batches(shard: Shard) -> Iterator[Any]:
    """Batches of serialized examples; one of no rows for a file that has none."""
    empty = True
    try:
        for batch in serialized(shard).prefetch(1):
            rows_read(int(batch.shape[0]))
            empty = False
            yield batch
    except tf.errors.OpError as error:
        raise DataError(f"{shard} cannot be read: {error.message}") from error
    if empty:
        yield tf.zeros([0], tf.string)


def _check_names(work: Work, model: Model) -> None:
    """Refuses outputs that the model does not have, and columns called like outputs."""
    for output, _ in work.appended:
        if output not in model.outputs:
            raise ConfigError(
                f"signature '{model.name}' has no output '{output}'"
                f"{did_you_mean(output, model.outputs)} (it has {', '.join(model.outputs)})",
                edit=COLUMNS_KEY,
            )
    twice = sorted({name for name, _ in work.kept} & set(model.outputs))
    if twice:
        raise ConfigError(
            f"{', '.join(twice)} is a column of the examples and an output of '{model.name}'",
            edit=KEPT_COLUMNS_KEY,
        )
