"""Which spans and files a run reads, and the fingerprint that decides whether it may be cached."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from taxiway.errors import ConfigError, DataError

SPAN = re.compile(r"\{SPAN(?::(\d+))?\}")
PLACEHOLDER = re.compile(r"\{[^}]*\}")
MEND = "data.spans, or run `taxiway data` to export what is missing"


@dataclass(frozen=True)
class SpanRange:
    """Spans `first` to `last`; without `last` the newest `length` spans on disk."""

    length: int
    last: int | None = None


@dataclass(frozen=True)
class SpanFile:
    """One input file and the span it belongs to."""

    path: str
    span: int


@dataclass(frozen=True)
class Resolved:
    """The spans of a run, oldest first, and one glob for each, relative to the input base."""

    spans: tuple[int, ...]
    patterns: tuple[str, ...]
    files: tuple[SpanFile, ...]
    fingerprint: str


def check_pattern(pattern: str) -> None:
    """Refuses what would be ambiguous later.

    Raises:
      ConfigError: the pattern has not exactly one {SPAN}, another placeholder, or a comma.
    """
    others = [part for part in PLACEHOLDER.findall(pattern) if not SPAN.fullmatch(part)]
    if len(SPAN.findall(pattern)) != 1 or others or "," in pattern:
        raise ConfigError(
            f"data.pattern: got '{pattern}', expected one {{SPAN}} (or {{SPAN:2}} for zero-padded "
            "numbers), no other placeholder and no comma, such as 'span-{SPAN}/*.parquet'",
            edit="data.pattern",
        )


def resolve(input_base: str, pattern: str, wanted: SpanRange, schema_file: str) -> Resolved:
    """Finds the files of the wanted spans.

    Raises:
      DataError: no span exists, one that is wanted does not, or one has no file.
    """
    check_pattern(pattern)
    existing = list_spans(input_base, pattern)
    known = f"spans that exist: {', '.join(map(str, existing))}" if existing else "no span exists"
    where = f"{input_base}/{pattern}"
    if not existing:
        raise DataError(f"{known} below {where}", edit=MEND)
    last = existing[-1] if wanted.last is None else wanted.last
    spans = tuple(range(last - wanted.length + 1, last + 1))
    missing = [span for span in spans if span not in existing]
    if missing:
        raise DataError(
            f"data.spans asks for {_several(spans)}, but {_several(missing)} cannot be found in "
            f"{where} ({known})",
            edit=MEND,
        )
    return of_patterns(input_base, [_fill(pattern, span) for span in spans], last, schema_file)


def of_patterns(
    input_base: str, patterns: Sequence[str], newest: int, schema_file: str
) -> Resolved:
    """Finds the files of spans in a row, one pattern each, the last of which is `newest`.

    Raises:
      DataError: a span has no file.
    """
    spans = tuple(range(newest - len(patterns) + 1, newest + 1))
    files = tuple(
        SpanFile(path, span)
        for span, pattern in zip(spans, patterns, strict=True)
        for path in _files_of(input_base, pattern, span)
    )
    found = fingerprint(input_base, spans, files, schema_file)
    return Resolved(spans, tuple(patterns), files, found)


def list_spans(input_base: str, pattern: str) -> list[int]:
    """Span numbers on disk, oldest first; a span's folder counts even where it is empty.

    `{SPAN}` stands for a number without leading zeros, `{SPAN:2}` for one of two digits.
    """
    parts = pattern.split("/")
    depth = next(index for index, part in enumerate(parts) if SPAN.search(part))
    name = parts[depth]
    width = SPAN.search(name)
    assert width is not None
    digits = rf"(\d{{{width[1]}}})" if width[1] else r"(0|[1-9]\d*)"
    before, after = (_as_regex(part) for part in (name[: width.start()], name[width.end() :]))
    expression = re.compile(f"{before}{digits}{after}")
    found = _glob("/".join([input_base, *parts[:depth], SPAN.sub("*", name)]))
    names = (path.rstrip("/").rsplit("/", 1)[-1] for path in found)
    return sorted({int(match[1]) for match in map(expression.fullmatch, names) if match})


def fingerprint(
    input_base: str, spans: Sequence[int], files: Sequence[SpanFile], schema_file: str
) -> str:
    """What the files are: name, size and time of change of each, and the schema's content."""
    import tensorflow as tf

    digest = hashlib.sha256()
    size = 0
    for file in files:
        stat = tf.io.gfile.stat(file.path)
        size += stat.length
        name = file.path.removeprefix(input_base)
        digest.update(f"{name}\0{stat.length}\0{stat.mtime_nsec}\n".encode())
    digest.update(read_bytes(schema_file))
    window = "-".join(str(span) for span in dict.fromkeys((spans[0], spans[-1])))
    return f"spans:{window},num_files:{len(files)},total_bytes:{size},sha256:{digest.hexdigest()}"


def file_bytes(path: str) -> int:
    """The size of a file."""
    import tensorflow as tf

    return int(tf.io.gfile.stat(path).length)


def opened(path: str) -> Any:
    """An input file as Arrow reads it, wherever TensorFlow can."""
    if "://" not in path:
        return pa.OSFile(path)
    import tensorflow as tf

    return pa.PythonFile(tf.io.gfile.GFile(path, "rb"), mode="r")


def read_bytes(path: str) -> bytes:
    """The curated schema's content.

    Raises:
      DataError: it cannot be read.
    """
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return bytes(file.read())
    except tf.errors.OpError as error:
        raise DataError(
            f"the curated schema {path} cannot be read: {error.message}", edit="data.schema_file"
        ) from error


def _files_of(input_base: str, pattern: str, span: int) -> list[str]:
    files = _glob(f"{input_base}/{pattern}")
    if not files:
        raise DataError(
            f"span {span} is empty: no file matches {input_base}/{pattern}",
            edit=f"data.format or data.pattern; {MEND}",
        )
    return files


def _glob(pattern: str) -> list[str]:
    import tensorflow as tf

    try:
        return sorted(tf.io.gfile.glob(pattern))
    except tf.errors.NotFoundError:
        return []
    except tf.errors.OpError as error:
        raise DataError(
            f"{pattern} cannot be listed: {error.message}", edit="data.root or output.root"
        ) from error


def _fill(pattern: str, span: int) -> str:
    def number(match: re.Match[str]) -> str:
        return str(span).zfill(int(match[1] or 0))

    return SPAN.sub(number, pattern)


def _as_regex(glob: str) -> str:
    return re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")


def _several(spans: Sequence[int]) -> str:
    numbers = ", ".join(str(span) for span in spans)
    return f"span {numbers}" if len(spans) == 1 else f"spans {numbers}"
