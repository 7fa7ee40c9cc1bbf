"""Which spans and files a run reads, and the fingerprint that decides whether it may be cached."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from taxiway.arrow.ingest import listing, marks
from taxiway.errors import ConfigError, DataError

SPAN = re.compile(r"\{SPAN(?::([1-9]\d?))?\}")
PLACEHOLDER = re.compile(r"\{[^}]*\}")
STANDS_FOR_SPAN: Final = "\0"
"""Which is in no name."""
LARGEST_SPAN: Final = 2**63 - 1
SHOWN_RANGES: Final = 10
SHOWN_NAMES: Final = 3
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
    name: str = ""
    """The path below data.root: the same wherever that lies."""


@dataclass(frozen=True)
class Resolved:
    """The spans of a run, oldest first, and one pattern for each, relative to the input base."""

    spans: tuple[int, ...]
    patterns: tuple[str, ...]
    files: tuple[SpanFile, ...]
    fingerprint: str


def check_pattern(pattern: str) -> None:
    """Refuses what would be ambiguous later.

    Raises:
      ConfigError: the pattern has not exactly one {SPAN}, another placeholder, a comma, or a part
        that is no name.
    """
    others = [part for part in PLACEHOLDER.findall(pattern) if not SPAN.fullmatch(part)]
    if len(SPAN.findall(pattern)) != 1 or others or "," in pattern:
        raise ConfigError(
            f"data.pattern: got '{pattern}', expected one {{SPAN}} (or {{SPAN:2}} for zero-padded "
            "numbers), no other placeholder and no comma, such as 'span-{SPAN}/*.parquet'",
            edit="data.pattern",
        )
    if {"", ".", ".."} & set(pattern.split("/")) or re.search(r"\[[^\]]*\{SPAN", pattern):
        raise ConfigError(
            f"data.pattern: got '{pattern}', expected names between slashes, below data.root, such "
            "as 'span-{SPAN}/*.parquet'",
            edit="data.pattern",
        )


def resolve(input_base: str, pattern: str, wanted: SpanRange, schema_file: str) -> Resolved:
    """Finds the files of the wanted spans.

    Raises:
      DataError: no span exists, one that is wanted does not, or one has no file; see `of_patterns`.
    """
    check_pattern(pattern)
    existing = list_spans(input_base, pattern)
    where = f"{input_base}/{pattern}"
    if not existing:
        raise DataError(f"no span exists below {where}", edit=MEND)
    last = existing[-1] if wanted.last is None else wanted.last
    first = last - wanted.length + 1
    missing = list(_missing(first, last, existing))
    if missing:
        known = f"spans that exist: {_listed(_ranges(existing))}"
        raise DataError(
            f"data.spans asks for {_several([(first, last)])}, but {_several(missing)} cannot be "
            f"found in {where} ({known})",
            edit=MEND,
        )
    patterns = [_fill(pattern, span) for span in range(first, last + 1)]
    return of_patterns(input_base, patterns, last, schema_file)


def of_patterns(
    input_base: str, patterns: Sequence[str], newest: int, schema_file: str
) -> Resolved:
    """Finds the files of spans in a row, one pattern each, the last of which is `newest`.

    Raises:
      DataError: a span has no file, one cannot be read, or one would be read twice.
    """
    spans = tuple(range(newest - len(patterns) + 1, newest + 1))
    files = tuple(
        SpanFile(path, span, path.removeprefix(input_base).lstrip("/"))
        for span, pattern in zip(spans, patterns, strict=True)
        for path in _files_of(input_base, pattern, span)
    )
    found = fingerprint(input_base, spans, files, schema_file)
    return Resolved(spans, tuple(patterns), files, found)


def list_spans(input_base: str, pattern: str) -> list[int]:
    """Span numbers on disk, oldest first; a span's folder counts even where it is empty.

    `{SPAN}` stands for a number without leading zeros, `{SPAN:2}` for one of two digits.

    Raises:
      DataError: a folder cannot be listed, or a number is too large for TFX.
    """
    parts = pattern.split("/")
    depth = next(index for index, part in enumerate(parts) if SPAN.search(part))
    width = SPAN.search(parts[depth])
    assert width is not None
    digits = rf"(\d{{{width[1]}}})" if width[1] else r"(0|[1-9]\d*)"
    name = listing.matcher(SPAN.sub(STANDS_FOR_SPAN, parts[depth])).pattern
    expression = re.compile(name.replace(STANDS_FOR_SPAN, digits), re.ASCII)
    folders = listing.matching(input_base, "/".join(parts[:depth])) if depth else [input_base]
    names = (name for folder in folders for name in listing.names_in(folder))
    spans = sorted({int(match[1]) for match in map(expression.match, names) if match})
    if spans and spans[-1] > LARGEST_SPAN:
        raise DataError(
            f"span {str(spans[-1])[:40]} of {input_base}/{pattern} is larger than {LARGEST_SPAN}",
            edit="data.pattern, or the name of that span",
        )
    return spans


def fingerprint(
    input_base: str, spans: Sequence[int], files: Sequence[SpanFile], schema_file: str
) -> str:
    """What the files are: name and marks of each (see `marks`), and the schema's content.

    Raises:
      DataError: a file cannot be read, or is there twice.
    """
    digest = hashlib.sha256()
    size = 0
    seen: dict[object, SpanFile] = {}
    local = []
    for file in files:
        identity: object = file.path
        if listing.is_local(file.path):
            found = listing.check_file(file.path)
            identity = (found.st_dev, found.st_ino) if found.st_ino else file.path
            known, length = marks.marks_of(found), found.st_size
            local.append(found)
        else:
            known, length = marks.remote_marks(file.path)
        _refuse_twice(seen.setdefault(identity, file), file)
        size += length
        name = file.path.removeprefix(input_base)
        digest.update(f"{name}\0{known}\n".encode())
    marks.settle(local)
    digest.update(read_bytes(schema_file))
    window = "-".join(str(span) for span in dict.fromkeys((spans[0], spans[-1])))
    return f"spans:{window},num_files:{len(files)},total_bytes:{size},sha256:{digest.hexdigest()}"


def file_bytes(path: str) -> int:
    """The size of a file.

    Raises:
      DataError: it cannot be read.
    """
    if listing.is_local(path):
        return listing.check_file(path).st_size
    return marks.remote_marks(path)[1]


def opened(path: str) -> Any:
    """An input file as Arrow reads it, wherever TensorFlow can."""
    if listing.is_local(path):
        return pa.OSFile(path)
    import tensorflow as tf

    return pa.PythonFile(tf.io.gfile.GFile(path, "rb"), mode="r")


def read_bytes(path: str) -> bytes:
    """The curated schema's content.

    Raises:
      DataError: it cannot be read.
    """
    if listing.is_local(path):
        listing.check_file(path, edit="data.schema_file")
        return Path(path).read_bytes()
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return bytes(file.read())
    except tf.errors.OpError as error:
        raise DataError(
            f"the curated schema {path} cannot be read: {error.message}", edit="data.schema_file"
        ) from error


def _files_of(input_base: str, pattern: str, span: int) -> list[str]:
    files = listing.matching(input_base, pattern)
    if not files:
        raise DataError(
            f"span {span} is empty: no file matches {input_base}/{pattern}"
            f"{_what_is_there(input_base, pattern)}",
            edit=f"data.format or data.pattern; {MEND}",
        )
    return files


def _what_is_there(input_base: str, pattern: str) -> str:
    """The first names in the folder of a pattern that nothing matches."""
    folder, _, _ = pattern.rpartition("/")
    places = listing.matching(input_base, folder) if folder else [input_base]
    names = [name for place in places for name in listing.names_in(place)]
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    shown = ", ".join(name[:80] for name in names[:SHOWN_NAMES])
    return f" (in the folder: {shown}{more})" if names else " (in the folder: nothing)"


def _refuse_twice(first: SpanFile, file: SpanFile) -> None:
    """One file under two names, or in two spans, would have its rows counted twice."""
    if first is file:
        return
    if first.path == file.path:
        what = f"{file.path} belongs to span {first.span} and to span {file.span}"
    else:
        what = (
            f"{first.path} (span {first.span}) and {file.path} (span {file.span}) are the same file"
        )
    raise DataError(
        f"{what}: its rows would be read twice", edit="data.pattern, or remove one of the two"
    )


def _fill(pattern: str, span: int) -> str:
    def number(match: re.Match[str]) -> str:
        return str(span).zfill(int(match[1] or 0))

    return SPAN.sub(number, pattern)


def _missing(first: int, last: int, existing: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of numbers from first to last that do not exist."""
    start = first
    for span in (span for span in existing if first <= span <= last):
        if start < span:
            yield start, span - 1
        start = span + 1
    if start <= last:
        yield start, last


def _ranges(spans: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges of numbers in a row."""
    ranges: list[tuple[int, int]] = []
    for span in spans:
        if ranges and span == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], span)
        else:
            ranges.append((span, span))
    return ranges


def _listed(ranges: Sequence[tuple[int, int]]) -> str:
    shown = [
        f"{first} to {last}" if last - first > 1 else ", ".join(map(str, range(first, last + 1)))
        for first, last in ranges[:SHOWN_RANGES]
    ]
    return ", ".join([*shown, *(["..."] if len(ranges) > SHOWN_RANGES else [])])


def _several(ranges: Sequence[tuple[int, int]]) -> str:
    is_one = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"{'span' if is_one else 'spans'} {_listed(ranges)}"
