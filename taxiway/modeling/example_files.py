"""Files of serialized tf.Examples: how they are listed, opened and written, for everyone who does.

A file is a TFRecord, gzipped if its name ends with `.gz`. TensorFlow is imported when one is
opened, for the processes that convert input do without it.
"""

from __future__ import annotations

import gzip
import itertools
import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from taxiway.errors import DataError

GZIP_LEVEL: Final = 1
"""A third of the time of the default level 6, for files a quarter larger."""
BUFFER_BYTES: Final = 1 << 20
_HEAD: Final = 12
_CHECKSUM: Final = 4


def compression_of(path: str) -> str:
    """How a file is compressed, in TensorFlow's word for it, by its name."""
    return "GZIP" if path.endswith(".gz") else ""


def files_in(folder: str) -> list[str]:
    """The files of a split's folder, sorted; hidden ones, and folders, are none.

    The folder is taken as it is named: characters that a glob would read as a pattern are not one.
    """
    import tensorflow as tf

    folder = folder.rstrip("/")
    if not tf.io.gfile.isdir(folder):
        return []
    names = sorted(name for name in tf.io.gfile.listdir(folder) if not name.startswith("."))
    return [f"{folder}/{name}" for name in names if not tf.io.gfile.isdir(f"{folder}/{name}")]


def open_examples(files: Sequence[str]) -> Any:
    """A tf.data.Dataset of serialized tf.Examples, in the order of the files.

    Args:
      files: one at least; compressed ones and others may be mixed.
    """
    import tensorflow as tf

    parts = [
        tf.data.TFRecordDataset(list(paths), compression, buffer_size=BUFFER_BYTES)
        for compression, paths in groupby(files, compression_of)
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.concatenate(part)
    return whole


def first_examples(files: Sequence[str], rows: int) -> list[bytes]:
    """Some serialized tf.Examples, as many of each file as of any other.

    Read without tf.data, whose start takes longer than to read so few.

    Args:
      files: compressed ones and others may be mixed.
      rows: at most.

    Raises:
      DataError: a file ends within a record.
    """
    import tensorflow as tf

    found: list[bytes] = []
    each = -(-rows // max(1, len(files)))
    for path in files:
        with tf.io.gfile.GFile(path, "rb") as raw:
            is_plain = compression_of(path) == ""
            with raw if is_plain else gzip.GzipFile(fileobj=raw) as records:
                found += itertools.islice(_records(records, path), each)
    return found[:rows]


def _records(file: Any, path: str) -> Iterator[bytes]:
    """Of a TFRecord file: length and its checksum, the record and its checksum."""
    while head := file.read(_HEAD):
        record = file.read(struct.unpack("<Q", head[:8])[0]) if len(head) == _HEAD else b""
        if len(head) < _HEAD or len(file.read(_CHECKSUM)) < _CHECKSUM:
            raise DataError(f"{path} ends within a record")
        yield record


def examples_writer(path: str, like: str | None = None) -> Any:
    """A tf.io.TFRecordWriter.

    Args:
      path: of the file.
      like: the name that it gets later, whose ending decides; by default `path`.
    """
    import tensorflow as tf

    compression = compression_of(path if like is None else like)
    options = tf.io.TFRecordOptions(compression_type=compression, compression_level=GZIP_LEVEL)
    return tf.io.TFRecordWriter(path, options)
