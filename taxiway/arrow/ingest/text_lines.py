"""A UTF-8 file as blocks of whole lines, however they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NoReturn

import numpy as np

from taxiway.arrow.ingest.spans import opened
from taxiway.errors import DataError

BLOCK_BYTES: Final = 1 << 20
LONGEST_LINE: Final = 1 << 20
BOM: Final = b"\xef\xbb\xbf"
SHOWN: Final = 80
NO_TEXT: Final = (
    # The longer ones first: UTF-32 begins as UTF-16 does.
    (b"\xff\xfe\0\0", "UTF-32 text"),
    (b"\0\0\xfe\xff", "UTF-32 text"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\xfd7zXZ\0", "compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"PK\x03\x04", "a zip archive, or a spreadsheet"),
    (b"PAR1\x15", "Parquet"),
    (b"ARROW1\0\0", "an Arrow file"),
)
"""What a file is that begins so, where UTF-8 text is expected."""


def count_lines(text: bytes) -> tuple[int, int]:
    """Lines, and those that are not empty, of a text that begins with one of these."""
    characters = np.frombuffer(text, np.uint8)
    # One pass over the text, for speed; few characters of it are controls.
    ends = np.flatnonzero(characters <= ord("\r"))
    kinds = characters[ends]
    is_end = (kinds == ord("\n")) | (kinds == ord("\r"))
    ends, kinds = ends[is_end], kinds[is_end]
    gaps = np.diff(ends)
    pairs = np.count_nonzero((gaps == 1) & (kinds[:-1] == ord("\r")) & (kinds[1:] == ord("\n")))
    is_unended = int(ends[-1]) < len(text) - 1
    return len(ends) - pairs + is_unended, 1 + np.count_nonzero(gaps > 1) + is_unended


def whole_lines(path: str) -> Iterator[bytes]:
    """The file without its byte order mark, a megabyte or a little more at a time.

    Raises:
      DataError: it is no UTF-8 text, or a line is longer than LONGEST_LINE.
      OSError: it cannot be read.
    """
    rest = b""
    for number, read in enumerate(_chunks(path)):
        chunk = read if number else _utf8(path, read)
        cut = chunk.rfind(b"\n") + 1
        # A return that ends the chunk may have its line feed in the next.
        cut = max(cut, chunk.rfind(b"\r", cut, -1) + 1)
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > LONGEST_LINE:
            start = rest[:80].decode(errors="backslashreplace")
            refuse(path, f"a line is longer than {LONGEST_LINE >> 20} MB: {start!r}...")
    if rest:
        yield rest


def _chunks(path: str) -> Iterator[bytes]:
    with opened(path) as source:
        while chunk := source.read(BLOCK_BYTES):
            yield bytes(chunk)


def _utf8(path: str, text: bytes) -> bytes:
    """The beginning of a file without its byte order mark."""
    for mark, kind in NO_TEXT:
        if text.startswith(mark):
            refuse(path, f"it is {kind}, expected UTF-8 text")
    return text.removeprefix(BOM)


def lines_beyond_utf8(text: bytes) -> list[int]:
    """Lines, from 0, that are no UTF-8: pyarrow has no words for one that is broken besides."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return [index for index, line in enumerate(text.splitlines()) if not _is_utf8(line)]
    return []


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def shown(cell: bytes) -> str:
    """Some bytes for a message: quoted, and not too many."""
    text = repr(cell[:SHOWN].decode(errors="backslashreplace"))
    return text if len(cell) <= SHOWN else f"{text}..."


def refuse(path: str, reason: str) -> NoReturn:
    """Says why a file is no CSV.

    Raises:
      DataError: always.
    """
    raise DataError(
        f"{path} cannot be read as CSV: {reason}", edit=f"{path}: replace the file, or data.format"
    )
