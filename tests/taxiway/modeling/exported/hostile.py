"""SavedModels of TensorFlow's own operations that reach for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

Body = Callable[[Any], Any]
"""From serialized examples [N] to what is done with them; a tensor of any type."""

EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")


def save(folder: Path, body: Body) -> Path:
    """A model that answers 0.5 for each row, once its body has run."""

    class Model(tf.Module):
        @tf.function(input_signature=[EXAMPLES])
        def serve(self, examples: Any) -> dict[str, Any]:
            with tf.control_dependencies([body(examples)]):
                return {"probability": tf.fill([tf.size(examples)], 0.5)}

    model = Model()
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})
    return folder


def save_answering(folder: Path, body: Body) -> Path:
    """A model that answers what its body gives, as `stolen`, and 0.5."""

    class Model(tf.Module):
        @tf.function(input_signature=[EXAMPLES])
        def serve(self, examples: Any) -> dict[str, Any]:
            rows = tf.size(examples)
            stolen = tf.fill([rows], tf.cast(body(examples), tf.string))
            return {"probability": tf.fill([rows], 0.5), "stolen": stolen}

    model = Model()
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})
    return folder


def save_that_loads(folder: Path, body: Body) -> Path:
    """A model whose body runs while it is loaded."""

    class Resource(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]  # TensorFlow's types are lost here
        def _create_resource(self) -> Any:
            return tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.string)

        def _initialize(self) -> None:
            body(tf.constant([""]))

        def _destroy_resource(self) -> None:
            pass

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.resource = Resource()

        @tf.function(input_signature=[EXAMPLES])
        def serve(self, examples: Any) -> dict[str, Any]:
            size = tf.raw_ops.LookupTableSizeV2(table_handle=self.resource.resource_handle)
            nothing = tf.cast(tf.minimum(size, 0), tf.float32)
            return {"probability": tf.fill([tf.size(examples)], 0.5) + nothing}

    model = Model()
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})
    return folder


def save_with_vocabulary(folder: Path, vocabulary: Path) -> Path:
    """A harmless model that looks words up in an asset, and has a variable."""

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            initializer = tf.lookup.TextFileInitializer(
                str(vocabulary),
                tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
            )  # fmt: skip
            self.table = tf.lookup.StaticHashTable(initializer, -1)
            self.scale = tf.Variable(0.125)

        @tf.function(input_signature=[EXAMPLES])
        def serve(self, examples: Any) -> dict[str, Any]:
            found = tf.cast(self.table.lookup(examples), tf.float32)
            return {"probability": found * self.scale}

    model = Model()
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})
    return folder


def save_as_tensorflow_1(folder: Path, vocabulary: Path, read: str | None = None) -> Path:
    """The same as a graph of TensorFlow 1; `read` is a file that its signature reads."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        examples = v1.placeholder(tf.string, [None], name="examples")
        asset = tf.constant(str(vocabulary), name="vocabulary")
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, asset)
        scale = v1.get_variable("scale", initializer=0.125)
        table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
        first = _initialized(table, asset)
        before = [_initialized(table, tf.constant(read))] if read else []
        with tf.control_dependencies(before):
            found = tf.raw_ops.LookupTableFindV2(
                table_handle=table, keys=examples, default_value=tf.constant(-1, tf.int64)
            )
        probability = tf.cast(found, tf.float32) * scale
        session.run([v1.global_variables_initializer()])
        builder = v1.saved_model.Builder(str(folder))
        signature = v1.saved_model.predict_signature_def(
            {"examples": examples}, {"probability": probability}
        )
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            main_op=first,
        )
        builder.save()
    return folder


def _initialized(table: Any, filename: Any) -> Any:
    return tf.raw_ops.InitializeTableFromTextFileV2(
        table_handle=table, filename=filename, key_index=-2, value_index=-1
    )


def edited(folder: Path, edit: Callable[[Any], None]) -> Path:
    """The model with its SavedModel message changed."""
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    edit(message)
    path.write_bytes(message.SerializeToString())
    return folder
