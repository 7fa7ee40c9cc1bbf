"""Columns of the examples that are kept beside the predictions: the row's key, and more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import tensorflow as tf

from taxiway.arrow.bulk_inferrer.model import as_text
from taxiway.arrow.examples.reading import record_batches
from taxiway.errors import ConfigError, DataError, did_you_mean
from taxiway.workers.job import Shard

KEPT_COLUMNS: Final = "kept_columns"
"""An execution property beside those of TFX's spec; the stock executor does not look at it."""
KEPT_COLUMNS_KEY: Final = "keep_columns of the BulkInferrer"

Kinds = tuple[tuple[str, str], ...]
"""Names and TensorFlow's types."""
_TYPES: Final[Mapping[str, str]] = {"int64": "int64", "float": "float32"}


def keep_columns(component: Any, names: Sequence[str]) -> None:
    """Has a BulkInferrer's arrow engine keep columns, such as the row's key."""
    component.spec.exec_properties[KEPT_COLUMNS] = json.dumps(list(names))


def find_kinds(shards: Sequence[Shard], names: Sequence[str]) -> Kinds:
    """The type of each column, so that all files of an artifact have the same.

    Reads until every column has been seen: a batch, mostly. One that is named in examples, but
    never has a value, counts as text; so does every one where there are no examples at all.

    Raises:
      ConfigError: a column that no example has.
      DataError: a file cannot be read.
    """
    found: dict[str, str] = {}
    others: set[str] = set()
    any_rows = False
    for batch in (batch for shard in shards for batch in record_batches(shard, rows=1024)):
        any_rows = True
        for field in batch.schema:
            others.add(field.name)
            if field.name in names and not pa.types.is_null(field.type):
                found.setdefault(field.name, _TYPES.get(str(field.type.value_type), "string"))
        if len(found) == len(set(names)):
            break
    for name in names:
        if any_rows and name not in others:
            raise ConfigError(
                f"no example has a column '{name}'{did_you_mean(name, others)}",
                edit=KEPT_COLUMNS_KEY,
            )
    return tuple((name, found.get(name, "string")) for name in names)


def read(serialized: Any, kinds: Kinds, where: str) -> dict[str, Any]:
    """Arrow arrays [N] by name, null where an example has no value.

    Raises:
      DataError: an example has several values, or of another type than others.
    """
    if not kinds:
        return {}
    features = {
        name: tf.io.RaggedFeature(tf.as_dtype(kind), row_splits_dtype=tf.int64)
        for name, kind in kinds
    }
    try:
        parsed = tf.io.parse_example(serialized, features)
    except tf.errors.OpError as error:
        raise DataError(
            f"{where} has other types of {', '.join(features)} than the first examples: "
            f"{error.message}",
            edit=f"the examples, or {KEPT_COLUMNS_KEY}",
        ) from error
    return {name: _column(name, parsed[name], where) for name, _ in kinds}


def _column(name: str, ragged: Any, where: str) -> Any:
    splits = ragged.row_splits.numpy()
    lengths = np.diff(splits)
    if len(lengths) and int(lengths.max()) > 1:
        raise DataError(
            f"{where} has up to {int(lengths.max())} values of '{name}' in a row, expected one",
            edit=KEPT_COLUMNS_KEY,
        )
    values = ragged.values.numpy()
    flat = as_text(values, f"column '{name}'") if values.dtype == object else pa.array(values)
    return flat.take(pa.array(splits[:-1], mask=lengths == 0))
