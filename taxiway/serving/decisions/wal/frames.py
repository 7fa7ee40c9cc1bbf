"""Frames of a segment: length, checksum and sequence number before each record."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

_HEADER: Final = struct.Struct("<IIQ")
_SEED: Final = 2**32 - 1
"""The checksum begins with the sequence number, so that it covers that too."""
NOT_COUNTED: Final = 2**64 - 1
"""The sequence number of a frame that is no record: what a segment says of itself."""


@dataclass(frozen=True)
class Frames:
    """What a segment holds.

    Args:
      records: sequence number and body of each whole frame, in order.
      notes: bodies of the frames that are no records.
      torn: bytes after the last whole frame.
    """

    records: list[tuple[int, bytes]]
    notes: list[bytes]
    torn: int


def frame(sequence: int, body: bytes) -> bytes:
    """A record as it stands in a segment."""
    return _HEADER.pack(len(body), zlib.crc32(body, sequence & _SEED), sequence) + body


def read_frames(content: bytes) -> Frames:
    """All whole frames up to the first that is torn: a process died, or a disk lied, in it."""
    records: list[tuple[int, bytes]] = []
    notes: list[bytes] = []
    at, end = 0, len(content)
    while at + _HEADER.size <= end:
        length, checksum, sequence = _HEADER.unpack_from(content, at)
        start = at + _HEADER.size
        body = content[start : start + length]
        if len(body) != length or zlib.crc32(body, sequence & _SEED) != checksum:
            break
        if sequence == NOT_COUNTED:
            notes.append(body)
        else:
            records.append((sequence, body))
        at = start + length
    return Frames(records, notes, end - at)
