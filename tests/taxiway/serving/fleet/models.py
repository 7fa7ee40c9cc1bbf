"""SavedModels of one column that answer well, or do harm while they load or answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tests.taxiway.modeling.exported import hostile

WEIGHT = tf.TensorSpec([None], tf.float32, name="weight")
EXAMPLES = hostile.EXAMPLES

Answer = Callable[[Any], Any]
"""From the column [N] to what is answered."""


def save(folder: Path, answer: Answer) -> Path:
    """A model that answers the column with `value`."""

    class Model(tf.Module):
        @tf.function(input_signature=[WEIGHT])
        def columns(self, weight: Any) -> dict[str, Any]:
            return {"value": answer(weight)}

        @tf.function(input_signature=[EXAMPLES])
        def examples(self, examples: Any) -> dict[str, Any]:
            return {"value": tf.cast(tf.strings.length(examples), tf.float32)}

    model = Model()
    signatures = {"serving_default": model.examples, "serving_columns": model.columns}
    tf.saved_model.save(model, str(folder), signatures=signatures)
    return folder


def constant(value: float) -> Answer:
    """The same for each row."""
    return lambda weight: tf.fill([tf.size(weight)], value)


def one_row(_: Any) -> Any:
    """However many were asked for."""
    return tf.fill([1], 1.0)


def endless(weight: Any) -> Any:
    """Never."""
    return tf.fill([tf.size(weight)], tf.cast(loops(weight), tf.float32))


def greedy(weight: Any) -> Any:
    """After it has had 8 GB."""
    return tf.fill([tf.size(weight)], tf.reduce_sum(eats(weight)))


def in_python(weight: Any) -> Any:
    """By a function of the process that loads it."""
    return tf.py_function(lambda one: one, [weight], tf.float32)


def reads(weight: Any) -> Any:
    """How long a file of the machine is."""
    length = tf.strings.length(tf.io.read_file("/etc/hostname"))
    return tf.fill([tf.size(weight)], tf.cast(length, tf.float32))


def writes(weight: Any) -> Any:
    """After it has written a file."""
    with tf.control_dependencies([tf.io.write_file("/tmp/written-by-a-model", "x")]):  # it is not
        return tf.identity(weight)


def printed(body: Answer) -> Answer:
    """The same, with an effect, without which TensorFlow would leave out what nobody asks for."""
    return lambda given: tf.print(tf.reduce_sum(body(given)))


def loops(_: Any) -> Any:
    """A loop without an end."""
    turns = tf.constant(0, tf.int64)
    return tf.while_loop(lambda turn: turn >= 0, lambda turn: [turn + 1], [turns])[0]


def eats(_: Any) -> Any:
    """8 GB."""
    return tf.random.uniform([tf.constant(2**31, tf.int64)])


def save_custom_operation(folder: Path) -> Path:
    """A model of an operation that TensorFlow does not have."""

    def rename(message: Any) -> None:
        for function in message.meta_graphs[0].graph_def.library.function:
            for node in function.node_def:
                if node.op == "Fill":
                    node.op = "AcmeFill"

    return hostile.edited(save(folder, constant(1.0)), rename)
