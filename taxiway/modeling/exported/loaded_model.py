"""A SavedModel in memory: requests become tensors, answers become arrays. For the worker only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from taxiway.errors import did_you_mean
from taxiway.modeling.names import COLUMNS
from taxiway.modeling.spec.column_names import column_name
from taxiway.root_cause import telling_line

Arrays = dict[str, npt.NDArray[Any]]
"""Outputs by name; the first dimension is rows."""

_ERROR_CHARACTERS = 500


class RequestError(ValueError):
    """A request the signature cannot take: the caller's fault, not the model's."""


class LoadedModel:
    """One SavedModel and its signatures.

    Args:
      folder: the SavedModel.
      examples_signature: the signature that takes serialized tf.Examples.

    Raises:
      OSError: the folder is no SavedModel.
      RequestError: it has no signature of that name.
    """

    def __init__(self, folder: Path, examples_signature: str) -> None:
        started = time.monotonic()
        self._model = tf.saved_model.load(str(folder))
        self._examples_signature = examples_signature
        self._signatures: Mapping[str, Any] = self._model.signatures
        self._signature(examples_signature)
        self.load_seconds = time.monotonic() - started

    def describe(self) -> dict[str, dict[str, dict[str, str]]]:
        """Names and dtypes: `{signature: {"inputs": {name: dtype}, "outputs": {...}}}`."""
        return {
            name: {
                "inputs": {
                    column_name(key): spec.dtype.name for key, spec in _inputs(signature).items()
                },
                "outputs": {
                    key: spec.dtype.name for key, spec in signature.structured_outputs.items()
                },
            }
            for name, signature in self._signatures.items()
        }

    def predict_examples(self, examples: Sequence[bytes]) -> Arrays:
        """Answers serialized tf.Examples, each output in an array of its own.

        Raises:
          RequestError: the signature takes anything but one tensor of strings.
        """
        signature = self._signature(self._examples_signature)
        specs = _inputs(signature)
        if [spec.dtype for spec in specs.values()] != [tf.string]:
            raise RequestError(
                f"signature '{self._examples_signature}' takes {_names(specs)}; "
                "expected one input, of serialized tf.Examples"
            )
        (name,) = specs
        return _arrays(signature(**{name: tf.constant(list(examples), tf.string)}))

    def predict_columns(self, columns: Mapping[str, Any]) -> Arrays:
        """Answers plain columns; what is not given is missing: NaN for numbers, "" for strings.

        Args:
          columns: one list per column, all of one length; None in a list is a missing value. Of a
            column of lists each value is a list, of any length.

        Raises:
          RequestError: an unknown column, lists of different lengths, or values of a wrong type.
        """
        signature = self._signature(COLUMNS)
        inputs = {column_name(key): (key, spec) for key, spec in _inputs(signature).items()}
        rows = _row_count(columns)
        for name in columns:
            if name not in inputs:
                raise RequestError(f"unknown column '{name}'{did_you_mean(name, inputs)}")
        return _arrays(
            signature(
                **{
                    key: _column(name, columns.get(name, [None] * rows), spec)
                    for name, (key, spec) in inputs.items()
                }
            )
        )

    def _signature(self, name: str) -> Any:
        if name not in self._signatures:
            raise RequestError(
                f"the model has no signature '{name}', only {', '.join(self._signatures) or 'none'}"
            )
        return self._signatures[name]


def describe_error(error: BaseException) -> dict[str, str]:
    """An exception as `{"error": one line, "type": class name}`, without TensorFlow's framing."""
    message = telling_line(error)[:_ERROR_CHARACTERS] or "no message"
    return {"error": message, "type": type(error).__name__}


def _inputs(signature: Any) -> dict[str, Any]:
    return dict(signature.structured_input_signature[1])


def _names(specs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {spec.dtype.name}" for name, spec in specs.items()) or "nothing"


def _arrays(outputs: Mapping[str, Any]) -> Arrays:
    return {name: np.asarray(tensor.numpy()) for name, tensor in outputs.items()}


def _row_count(columns: Mapping[str, Any]) -> int:
    for name, values in columns.items():
        if not isinstance(values, list):
            raise RequestError(
                f"column '{name}': received a {type(values).__name__}, expected a list of values"
            )
    lengths = {name: len(values) for name, values in columns.items()}
    if not lengths:
        raise RequestError("no column was given; at least one says how many rows there are")
    if len(set(lengths.values())) > 1:
        raise RequestError(f"columns of different lengths: {lengths}")
    return next(iter(lengths.values()))


def _column(name: str, values: list[Any], spec: Any) -> Any:
    convert = _to_bytes if spec.dtype == tf.string else _to_number
    rank = spec.shape.rank
    try:
        if rank == 2 and spec.shape[1] is None:
            return _lists(values, convert, spec.dtype)
        converted = [convert(value, spec.dtype) for value in values]
        tensor = tf.constant(converted, spec.dtype, shape=(len(values),))
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestError(f"column '{name}' ({spec.dtype.name}): {error}") from error
    # some models take [N, 1] where others take [N]
    return tensor if rank in (None, 1) else tf.reshape(tensor, [-1, 1])


def _lists(values: list[Any], convert: Callable[[Any, Any], Any], dtype: Any) -> Any:
    """Lists as rows of a matrix, shorter ones filled up with what is missing; null is an empty one.

    A value that is no list is a list of it alone.
    """
    rows = [
        [] if value is None else value if isinstance(value, list) else [value] for value in values
    ]
    width = max([1, *map(len, rows)])
    filled = [[*row, *[None] * (width - len(row))] for row in rows]
    converted = [[convert(value, dtype) for value in row] for row in filled]
    return tf.constant(converted, dtype, shape=(len(rows), width))


def _to_bytes(value: Any, _: Any) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise TypeError(f"received {value!r}, expected a string or null")
    return value.encode()


def _to_number(value: Any, dtype: Any) -> float | int:
    if value is None:
        if not dtype.is_floating:
            raise ValueError("a value is missing, and whole numbers have no value for that")
        return math.nan
    if not isinstance(value, int | float):
        raise TypeError(f"received {value!r}, expected a number or null")
    if dtype.is_floating:
        return float(value)  # true and false too: categories of booleans are 1 and 0
    return value if dtype.is_bool else _whole(value)


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueError(f"received {value!r}, expected a whole number")
    return int(value)
