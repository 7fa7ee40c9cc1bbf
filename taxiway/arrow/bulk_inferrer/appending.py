"""Predictions as further features of serialized tf.Examples, without parsing these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders.example_coder import (
    ExamplesToRecordBatchDecoder,
    RecordBatchToExamplesEncoder,
)

from taxiway.errors import ConfigError

COLUMNS_KEY = "output_example_spec of the BulkInferrer"


class Appender:
    """Adds columns to examples, a batch at a time."""

    def __init__(self) -> None:
        self._decoder = ExamplesToRecordBatchDecoder()
        self._encoder = RecordBatchToExamplesEncoder()

    def append(self, examples: Sequence[bytes], columns: Mapping[str, Any]) -> list[bytes]:
        """The examples with a feature more for each column.

        Args:
          examples: serialized, as many as each column has rows.
          columns: Arrow arrays of values or lists.

        Raises:
          ConfigError: an example has a feature of that name already.
        """
        if not examples:
            return []
        known = self._decoder.DecodeBatch(examples).schema.names
        taken = sorted(set(known) & set(columns))
        if taken:
            raise ConfigError(
                f"examples have {', '.join(taken)} already, expected another name for predictions",
                edit=COLUMNS_KEY,
            )
        rows = pa.RecordBatch.from_arrays([_lists(c) for c in columns.values()], list(columns))
        return [
            _joined(example, further)
            for example, further in zip(examples, self._encoder.encode(rows), strict=True)
        ]


def _lists(column: Any) -> Any:
    """As the encoder takes it, in the three types of a tf.Example."""
    if pa.types.is_list(column.type):
        offsets, values = column.offsets.cast(pa.int64()), column.values
    else:
        offsets, values = pa.array(np.arange(len(column) + 1)), column
    if pa.types.is_string(values.type):
        kind = pa.large_binary()
    else:
        kind = pa.float32() if pa.types.is_floating(values.type) else pa.int64()
    return pa.LargeListArray.from_arrays(offsets, values.cast(kind))


def _joined(example: bytes, further: bytes) -> bytes:
    """One example with the features of both: on the wire, a map is a sequence of its entries."""
    features = _features(example) + _features(further)
    return b"\x0a" + _varint(len(features)) + features


def _features(example: bytes) -> bytes:
    """The entries of a serialized example's map: its only field, behind a tag and a length."""
    if example[:1] == b"\x0a":
        length = shift = 0
        for at in range(1, min(len(example), 6)):
            length |= (example[at] & 0x7F) << shift
            shift += 7
            if example[at] < 0x80:
                if at + 1 + length == len(example):
                    return example[at + 1 :]
                break
    # legal, and written by no one we know: the field in parts, or others beside it
    return bytes(tf.train.Example.FromString(example).features.SerializeToString())


def _varint(number: int) -> bytes:
    coded = bytearray()
    while number > 0x7F:
        coded.append(number & 0x7F | 0x80)
        number >>= 7
    coded.append(number)
    return bytes(coded)
