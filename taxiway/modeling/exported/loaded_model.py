"""A SavedModel in memory: requests become tensors, answers become arrays. For the worker only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from taxiway.modeling.exported.class_names import classes_of
from taxiway.modeling.exported.plain_columns import (
    RequestError,
    as_array,
    check_known,
    row_count,
)
from taxiway.modeling.names import COLUMNS
from taxiway.modeling.spec.column_names import column_name
from taxiway.root_cause import telling_line

Arrays = dict[str, npt.NDArray[Any]]
"""Outputs by name; the first dimension is rows."""

_ERROR_CHARACTERS = 500


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

    def ranks(self) -> dict[str, dict[str, dict[str, int]]]:
        """As `describe`, with 1 for a value per row, 2 for a list per row, and so on."""
        return {
            name: {
                "inputs": {
                    column_name(key): _rank_of_input(spec.shape)
                    for key, spec in _inputs(signature).items()
                },
                "outputs": {
                    key: spec.shape.rank or 1 for key, spec in signature.structured_outputs.items()
                },
            }
            for name, signature in self._signatures.items()
        }

    def classes(self) -> dict[str, list[str]]:
        """`{signature: names of its classes}`, of those that score classes."""
        return classes_of(self._signatures)

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
            column of lists each value is a list, of any length. One of numbers may be an array of
            the input's type, in which NaN is missing.

        Raises:
          RequestError: an unknown column, lists of different lengths, or values of a wrong type.
        """
        signature = self._signature(COLUMNS)
        inputs = {column_name(key): (key, spec) for key, spec in _inputs(signature).items()}
        rows = row_count(columns)
        check_known(columns, inputs)
        return _arrays(
            signature(
                **{
                    key: _column(name, columns.get(name, [None] * rows), rows, spec)
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


def _rank_of_input(shape: Any) -> int:
    """[N, 1] takes plain values too."""
    return 2 if shape.rank == 2 and shape[1] is None else 1


def _names(specs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {spec.dtype.name}" for name, spec in specs.items()) or "nothing"


def _arrays(outputs: Mapping[str, Any]) -> Arrays:
    return {name: np.asarray(tensor.numpy()) for name, tensor in outputs.items()}


def _column(name: str, values: Any, rows: int, spec: Any) -> Any:
    """The tensor of a column, which is a list of plain values or an array of the input's type."""
    dtype, rank = spec.dtype.name, spec.shape.rank
    lists = rank == 2 and spec.shape[1] is None
    if isinstance(values, np.ndarray):
        if values.dtype != spec.dtype.as_numpy_dtype or values.shape != (rows,) or lists:
            raise RequestError(
                f"column '{name}' ({dtype}): received an array of {values.dtype} of shape "
                f"{list(values.shape)}, expected one value a row"
            )
        array = values
    else:
        array = as_array(name, values, dtype, lists=lists)
    tensor = tf.constant(array if array.dtype != object else array.tolist(), spec.dtype)
    # some models take [N, 1] where others take [N]
    return tensor if lists or rank in (None, 1) else tf.reshape(tensor, [-1, 1])
