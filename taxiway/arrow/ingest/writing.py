"""Writes the rows of splits as TFRecords of tf.Examples, shard beside shard."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from taxiway.arrow.ingest.rows.lists import as_lists
from taxiway.errors import DataError
from taxiway.modeling.example_files import examples_writer

Compression = Literal["gzip", "none"]
SUFFIX: Final[Mapping[Compression, str]] = {"gzip": ".gz", "none": ""}
"""Readers of the files go by it."""
RESERVED_DESCRIPTORS: Final = 200
"""For what else a process has open: libraries, the metadata store, logs, input."""


def file_name(file: int, files: int, compression: Compression) -> str:
    """Of one of a split's files, as TFX names them."""
    return f"data_tfrecord-{file:05d}-of-{files:05d}{SUFFIX[compression]}"


class Writers:
    """Some files of all splits, whole or not there: they get their names when all are closed.

    Args:
      paths: files of each split; rows are dealt to them in turn.
    """

    def __init__(self, paths: Mapping[str, Sequence[str]]) -> None:
        from tfx_bsl.coders import example_coder

        self._encoder = example_coder.RecordBatchToExamplesEncoder()
        self._files = {name: [_File(path) for path in files] for name, files in paths.items()}

    def __enter__(self) -> Writers:
        _check_descriptors(len(self._all()))
        try:
            for file in self._all():
                file.open()
        except BaseException:
            for file in self._all():
                file.abandon()
            self._remove()
            raise
        return self

    def write(self, name: str, rows: Any) -> Sequence[bytes]:
        """Encodes rows, deals them to the files of a split, and gives them as they are written."""
        if not rows.num_rows:
            return ()
        examples: Sequence[bytes] = self._encoder.encode(_as_lists(rows))
        files = self._files[name]
        for number, file in enumerate(files):
            file.write(examples[number :: len(files)])
        return examples

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            for file in self._all():
                file.close()
            if kind is None:
                for file in self._all():
                    file.rename()
        finally:
            self._remove()

    def _all(self) -> list[_File]:
        return [file for files in self._files.values() for file in files]

    def _remove(self) -> None:
        remove_files(file.attempt for file in self._all())


class _File:
    """One file, under the name of this attempt until it is whole."""

    def __init__(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        self.path = path
        # Beside the folder: a killed attempt must not look like a shard to whoever lists it.
        self.attempt = f"{folder.rpartition('/')[0]}/.{name}.{os.urandom(4).hex()}"
        self._writer: Any = None

    def open(self) -> None:
        with write_errors(self.path):
            self._writer = examples_writer(self.attempt, like=self.path)

    def write(self, examples: Sequence[bytes]) -> None:
        with write_errors(self.path):
            for example in examples:
                self._writer.write(example)

    def close(self) -> None:
        with write_errors(self.path):
            self._writer.close()

    def abandon(self) -> None:
        """Lets go of a file that nobody needs any more."""
        if self._writer is not None:
            with suppress(Exception):  # what failed first is what is told
                self._writer.close()

    def rename(self) -> None:
        import tensorflow as tf

        with write_errors(self.path):
            tf.io.gfile.rename(self.attempt, self.path, overwrite=True)


def _check_descriptors(files: int) -> None:
    """Refuses more files at a time than this process may have open, before it opens the first.

    Raises:
      DataError: says how many it may.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = limit - min(RESERVED_DESCRIPTORS, limit // 2)
    if limit != resource.RLIM_INFINITY and files > most:
        raise DataError(
            f"data.shards: a worker would write {files} files at a time, but may have {limit} open "
            "all in all",
            edit=f"data.shards: at most {most // 2} for each worker; or raise the limit with "
            "`ulimit -n`",
        )


def remove_files(paths: Iterable[str]) -> None:
    """Removes those of the files that are there."""
    import tensorflow as tf

    for path in paths:
        if tf.io.gfile.exists(path):
            tf.io.gfile.remove(path)


@contextmanager
def write_errors(path: str) -> Iterator[None]:
    """Says of what cannot be written which file it is, and why."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        reason = error.message if isinstance(error, tf.errors.OpError) else str(error)
        raise DataError(
            f"the examples cannot be written to {path}: {reason}", edit="output.root"
        ) from error


def _as_lists(rows: Any) -> Any:
    """Each value as a list of one, and each null as a null list, as the encoder wants it."""
    arrays = []
    for column in rows.columns:
        if pa.types.is_large_list(column.type):
            values, lengths = column.flatten(), pc.fill_null(pc.list_value_length(column), 0)
        else:
            values, lengths = column.drop_null(), column.is_valid()
        if pa.types.is_large_string(values.type):
            values = values.cast(pa.large_binary())
        arrays.append(as_lists(values, lengths.to_numpy(zero_copy_only=False)))
    return pa.RecordBatch.from_arrays(arrays, rows.schema.names)
