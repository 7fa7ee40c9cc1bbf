"""A signature of a SavedModel: from a batch of serialized examples to Arrow columns."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import tensorflow as tf

from taxiway.errors import ConfigError, DataError, did_you_mean
from taxiway.modeling.exported.loaded_model import describe_error
from taxiway.root_cause import telling_line

USE_BEAM: Final = "use engine: beam for BulkInferrer"
USE_BEAM_KEY: Final = "engine.components: {BulkInferrer: beam}"
SIGNATURE_KEY: Final = "model_spec.model_signature_name of the BulkInferrer"


@dataclass(frozen=True)
class Signature:
    """Which signature of which SavedModel."""

    path: str
    name: str = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    tags: tuple[str, ...] = (tf.saved_model.SERVING,)


class Model:
    """A loaded signature that takes serialized tf.Examples.

    Raises:
      ConfigError: there is no such signature, it is not for examples, or the model does not say
        how many dimensions an output has, so that files without rows could not have its type.
    """

    def __init__(self, signature: Signature) -> None:
        self.name = signature.name
        # kept, for TensorFlow frees what only a signature refers to
        self._model = _loaded(signature)
        known = self._model.signatures
        if signature.name not in known:
            raise ConfigError(
                f"the model has no signature '{signature.name}'"
                f"{did_you_mean(signature.name, known)} (it has {', '.join(known) or 'none'})",
                edit=SIGNATURE_KEY,
            )
        self._signature = known[signature.name]
        inputs = self._signature.structured_input_signature[1]
        if [spec.dtype for spec in inputs.values()] != [tf.string]:
            takes = ", ".join(f"{name}: {spec.dtype.name}" for name, spec in inputs.items())
            raise ConfigError(
                f"signature '{self.name}' takes {takes or 'nothing'}; "
                "expected one tensor, of serialized tf.Examples",
                edit=SIGNATURE_KEY,
            )
        (self._input,) = inputs
        self.outputs: Mapping[str, Any] = dict(sorted(self._signature.structured_outputs.items()))
        for name, spec in self.outputs.items():
            if spec.shape.rank is None:
                raise ConfigError(
                    f"output '{name}' of signature '{self.name}' has no known rank, expected a "
                    "model that says whether it is a value or a list per row (tf.ensure_shape): "
                    f"{USE_BEAM}",
                    edit=f"the model, or {USE_BEAM_KEY}",
                )

    def answer(self, serialized: Any, where: str) -> dict[str, Any]:
        """Arrow arrays by output, with a value or a list of values for each row.

        Args:
          serialized: strings [N]; with N of 0 the model is not asked.
          where: the rows come from, for errors.

        Raises:
          DataError: the model refuses the rows.
          ConfigError: an output that does not belong to rows, or has more than two dimensions.
        """
        rows = int(serialized.shape[0])
        if not rows:
            return {name: _nothing(name, spec) for name, spec in self.outputs.items()}
        try:
            answers = self._signature(**{self._input: serialized})
            arrays = {name: answers[name].numpy() for name in self.outputs}
        except tf.errors.OpError as error:
            raise DataError(
                f"signature '{self.name}' refuses rows of {where}: "
                f"{describe_error(error)['error']}",
                edit="the examples, or the model's schema",
            ) from error
        return {name: _column(name, arrays[name], self.outputs[name], rows) for name in arrays}


@functools.lru_cache(maxsize=2)
def load(signature: Signature, job: str) -> Model:
    """The model, loaded once in each process of a job (see `taxiway.workers.job.job_token`)."""
    del job  # but part of the key: in another job there may be another model at the path
    return Model(signature)


def _loaded(signature: Signature) -> Any:
    try:
        return tf.saved_model.load(signature.path, tags=list(signature.tags))
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise ConfigError(
            f"{signature.path} is no SavedModel with the tags {', '.join(signature.tags)}: "
            f"{telling_line(error)}",
            edit="model_spec.tag of the BulkInferrer, or its model",
        ) from error


def _column(name: str, values: Any, spec: Any, rows: int) -> Any:
    """[N] and [N, 1] give values, [N, K] lists; the model's own shape decides where it is known."""
    if values.ndim not in (1, 2) or len(values) != rows:
        raise ConfigError(
            f"output '{name}' has the shape {list(values.shape)} for {rows} rows, expected one "
            f"value, or one list, a row: {USE_BEAM}",
            edit=USE_BEAM_KEY,
        )
    flat = _array(name, values.reshape(-1))
    if not _lists(spec):
        return flat
    offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat)


def _lists(spec: Any) -> bool:
    """Whether an output's column has lists: the same for every batch of a model."""
    return bool(spec.shape.rank == 2 and spec.shape[1] != 1)


def _nothing(name: str, spec: Any) -> Any:
    """A column without rows, of the type that it has elsewhere."""
    flat = _array(name, np.empty(0, object if spec.dtype == tf.string else _numpy(spec.dtype)))
    if not _lists(spec):
        return flat
    return pa.ListArray.from_arrays(pa.array([0], pa.int32()), flat)


def _array(name: str, values: Any) -> Any:
    if values.dtype == object:
        return as_text(values, f"output '{name}'")
    return pa.array(values.astype(_numpy(tf.as_dtype(values.dtype)), copy=False))


def _numpy(dtype: Any) -> Any:
    """Parquet knows no floats of 16 bits."""
    return np.float32 if dtype in (tf.float16, tf.bfloat16) else dtype.as_numpy_dtype


def as_text(values: Any, what: str) -> Any:
    """Bytes as Arrow's strings.

    Raises:
      DataError: they are no UTF-8.
    """
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{what} has bytes that are no UTF-8, expected text",
            edit=f"{what}, or {USE_BEAM_KEY}",
        ) from error
