"""TFRecord files of serialized tf.Examples, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import tensorflow as tf

from taxiway.errors import DataError
from taxiway.modeling.example_files import examples_writer


def write_examples(batches: Iterable[Sequence[bytes]], path: str) -> None:
    """Writes under another name first: two attempts at one file cannot mix, nor leave a half one.

    Args:
      batches: of serialized tf.Examples.
      path: gzipped if it ends with `.gz`.

    Raises:
      DataError: the file cannot be written.
    """
    folder, _, name = path.rpartition("/")
    # Beside the folder: a killed attempt must not look like a shard to whoever lists it.
    attempt = f"{folder.rpartition('/')[0]}/.{name}.{os.urandom(4).hex()}"
    try:
        try:
            with examples_writer(attempt, like=path) as writer:
                for batch in batches:
                    for example in batch:
                        writer.write(example)
            tf.io.gfile.rename(attempt, path, overwrite=True)
        finally:
            if tf.io.gfile.exists(attempt):
                tf.io.gfile.remove(attempt)
    except tf.errors.OpError as error:
        raise DataError(f"{path} cannot be written: {error.message}", edit="output.root") from error
