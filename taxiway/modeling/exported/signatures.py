"""The exported model: the transform graph and the network behind its signatures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from taxiway.modeling.names import COLUMNS, LABELS, SERVING, TRANSFORM
from taxiway.modeling.spec import FeatureSpec
from taxiway.modeling.spec.column_names import argument_names, column_name
from taxiway.modeling.tasks import Head, Labels

EXAMPLES = "examples"
"""The input of the signatures that take serialized tf.Examples."""
INPUTS: Final = "inputs"
"""The same, as TensorFlow Serving has it."""
INTEGER_BOUND = 2.0**62  # exact as float32, and within int64

EXACT_BOUND = 2.0**53
"""From it on a float64 does not tell a whole number from the next, nor do most readers of JSON."""


class ServedModel(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """What is saved: raw rows in, the answers of the task out.

    Args:
      spec: roles of the columns.
      labels: what the task's are.
      transform_savedmodel: folder of tf.Transform's SavedModel.
      raw_feature_spec: how raw columns are parsed from tf.Example.
      network: the trained Keras model, giving logits [N, K].
      head: what makes answers of the logits.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        labels: Labels,
        transform_savedmodel: str,
        raw_feature_spec: Mapping[str, Any],
        network: Any,
        head: Head,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._labels = labels
        self._transform = tf.saved_model.load(transform_savedmodel)
        self._raw = dict(raw_feature_spec)
        self._network = network
        self._head = head

    def save(self, folder: str) -> None:
        """Writes the SavedModel with its signatures."""
        examples = tf.TensorSpec([None], tf.string, name=self._examples_name())
        names = argument_names(self._spec.inputs())
        columns = {
            argument: tf.TensorSpec(self._shape(name), self._dtype(name), name=argument)
            for name, argument in names.items()
        }
        signatures = {
            SERVING: tf.function(self._serve_examples).get_concrete_function(examples),
            COLUMNS: tf.function(self._serve_columns).get_concrete_function(**columns),
            TRANSFORM: tf.function(self._transform_examples).get_concrete_function(examples),
            LABELS: tf.function(self._label_examples).get_concrete_function(examples),
            self._head.signature: tf.function(self._serve_inputs).get_concrete_function(
                tf.TensorSpec([None], tf.string, name=INPUTS)
            ),
        }
        tf.saved_model.save(self, folder, signatures=signatures)
        with _saved_signatures(folder) as saved:
            _name_inputs(saved[COLUMNS].inputs, names)
            saved[self._head.signature].method_name = self._head.method

    def _examples_name(self) -> str:
        """TFMA gives an input that is called like a column that column, and not the examples."""
        name = EXAMPLES
        while name in self._raw:
            name = f"serialized_{name}"
        return name

    def _shape(self, name: str) -> list[None]:
        """Lists are rows of a matrix, shorter ones filled up with what is missing."""
        return [None, None] if name in self._spec.lists() else [None]

    def _dtype(self, name: str) -> Any:
        """Whole numbers that are looked up are exact in a float64, as far as JSON's are."""
        if name in self._spec.numbers():
            return tf.float32
        return tf.float64 if self._raw[name].dtype.is_integer else tf.string

    def _serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._predict(self._transform_raw(self._parse(examples, self._spec.inputs())))

    def _serve_columns(self, **columns: tf.Tensor) -> dict[str, tf.Tensor]:
        """Plain columns [N], or lists [N, M]: NaN is a missing number, and "" a missing string."""
        named = {column_name(argument): column for argument, column in columns.items()}
        raw = {name: self._as_raw(name, column) for name, column in named.items()}
        return self._predict(self._transform_raw(raw))

    def _serve_inputs(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """As TensorFlow Serving's clients that classify and regress have it."""
        return self._head.served(self._serve_examples(inputs))

    def _label_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The labels alone, as the network learned them."""
        transformed = self._transform_raw(self._parse(examples, (self._spec.label,)))
        return {self._spec.label: self._labels.checked(transformed[self._spec.label])}

    def _transform_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Transformed columns, the label among them where the examples carry it."""
        wanted = [*self._spec.inputs(), self._spec.label, self._spec.weight]
        return self._transform_raw(self._parse(examples, [name for name in wanted if name]))

    def _parse(self, examples: tf.Tensor, wanted: Sequence[str]) -> dict[str, Any]:
        return dict(
            tf.io.parse_example(examples, {name: self._raw[name] for name in sorted(wanted)})
        )

    def _as_raw(self, name: str, column: tf.Tensor) -> Any:
        """A plain column in the form that parsing tf.Examples would have given."""
        feature = self._raw[name]
        missing = tf.math.is_nan(column) if column.dtype.is_floating else tf.equal(column, "")
        known = tf.logical_not(missing)
        values = tf.boolean_mask(column, known)
        if feature.dtype.is_integer:
            values = _whole(name, values)
            # beyond int64 a cast gives its lowest number, whatever the sign was
            values = tf.clip_by_value(values, -INTEGER_BOUND, INTEGER_BOUND)
        values = tf.cast(values, feature.dtype) if feature.dtype != tf.string else values
        table = tf.reshape(known, [tf.shape(known)[0], -1])
        place = tf.cumsum(tf.cast(table, tf.int64), axis=1, exclusive=True)
        indices = tf.stack([tf.where(table)[:, 0], tf.boolean_mask(place, table)], axis=1)
        sparse = tf.SparseTensor(indices, values, tf.shape(table, out_type=tf.int64))
        if isinstance(feature, tf.io.VarLenFeature):
            return sparse
        dense = tf.sparse.to_dense(sparse, default_value=_filler(feature))
        return tf.reshape(dense, tf.stack([tf.shape(table)[0], *feature.shape]))

    def _transform_raw(self, raw: dict[str, Any]) -> dict[str, tf.Tensor]:
        """Applies the transform graph; columns it expects but no request brings are left empty."""
        rows = _row_count(next(iter(raw.values())))
        whole = {
            name: raw[name] if name in raw else _absent(feature, rows)
            for name, feature in self._raw.items()
        }
        return dict(self._transform.transform_fn(whole))

    def _predict(self, transformed: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        features = {
            name: tf.expand_dims(value, 1) if value.shape.rank == 1 else value
            for name, value in transformed.items()
            if name not in (self._spec.label, self._spec.weight)
        }
        return self._head.answers(self._network(features, training=False))


def _whole(name: str, values: tf.Tensor) -> tf.Tensor:
    """The values of a column of integers; a request with anything else ends in an error.

    It is in the graph, so that whatever serves the model refuses what training has never seen.
    """
    is_whole = tf.equal(values, tf.floor(values)) & tf.math.is_finite(values)
    expected = "whole numbers"
    if values.dtype == tf.float64:  # each stands for itself, and not for one near it
        is_whole &= tf.abs(values) < EXACT_BOUND
        expected = "whole numbers below 2**53"
    others = tf.boolean_mask(values, tf.logical_not(is_whole))
    told = [f"column {name}: expected {expected}, got", others]  # quotes would be escaped
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(is_whole), told, summarize=3)]):
        return tf.identity(values)


@contextmanager
def _saved_signatures(folder: str) -> Iterator[Any]:
    """The SignatureDefs of a SavedModel by name, to change what TensorFlow writes no other way."""
    path = f"{folder}/saved_model.pb"
    with tf.io.gfile.GFile(path, "rb") as file:
        model = saved_model_pb2.SavedModel.FromString(file.read())
    yield model.meta_graphs[0].signature_def
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))


def _name_inputs(inputs: Any, names: Mapping[str, str]) -> None:
    """Gives a signature's inputs their columns' own names, for servers that are not Python.

    TensorFlow takes any name there (a SignatureDef is a map of text), but writes it from arguments.
    """
    for name, argument in names.items():
        if name != argument:
            inputs[name].CopyFrom(inputs[argument])
            del inputs[argument]


def _row_count(value: Any) -> tf.Tensor:
    if isinstance(value, tf.SparseTensor):
        return value.dense_shape[0]
    return tf.shape(value, out_type=tf.int64)[0]


def _absent(feature: Any, rows: tf.Tensor) -> Any:
    if isinstance(feature, tf.io.VarLenFeature):
        return tf.SparseTensor(
            tf.zeros([0, 2], tf.int64), tf.zeros([0], feature.dtype), tf.stack([rows, 0])
        )
    return tf.fill(tf.stack([rows, *feature.shape]), _filler(feature))


def _filler(feature: Any) -> tf.Tensor:
    """What stands for a missing value in a dense column."""
    value = "" if feature.dtype == tf.string else math.nan if feature.dtype.is_floating else 0
    return tf.constant(value, feature.dtype)
