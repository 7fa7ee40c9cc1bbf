"""Span files on disk: each appears whole or not at all; a manifest says which are as written."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from taxiway.errors import DataError

MANIFEST = ".manifest.json"
LOCK = ".lock"


def span_file(root: Path, file_format: str, span: int) -> Path:
    """Where a span lies below the root."""
    return root / f"span-{span}" / f"flights.{file_format}"


def read_manifest(root: Path, file_format: str) -> dict[str, Any]:
    """What the last export of this format wrote; a lost or damaged manifest says nothing."""
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))[file_format]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    try:
        whole = all({"sha256", "rows", "left_out"} <= set(e) for e in manifest["spans"].values())
    except (AttributeError, KeyError, TypeError):
        whole = False
    return manifest if whole else {}


def write_manifest(root: Path, file_format: str, entry: dict[str, Any], temporary: Path) -> None:
    """Replaces what the manifest says of one format."""
    formats = {name: read_manifest(root, name) for name in ("csv", "parquet")}
    text = json.dumps(formats | {file_format: entry}, indent=1, sort_keys=True)
    write_whole(text.encode(), root / MANIFEST, temporary)


def is_intact(root: Path, file_format: str, span: int, entries: Mapping[str, Any]) -> bool:
    """Whether a span's file has the bytes that the manifest's entries record."""
    entry = entries.get(str(span))
    try:
        content = span_file(root, file_format, span).read_bytes()
    except OSError:
        return False
    return entry is not None and hashlib.sha256(content).hexdigest() == entry["sha256"]


def write_whole(content: bytes, path: Path, temporary: Path) -> bool:
    """Puts a whole file in place at once; says False where the same bytes are already there."""
    if path.is_file() and path.read_bytes() == content:
        return False
    part = temporary / path.name
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    path.parent.mkdir(exist_ok=True)
    part.replace(path)
    for folder in (path.parent, path.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return True


@contextmanager
def only_writer(root: Path) -> Iterator[Path]:
    """A temporary folder beside the spans, held by one export at a time and gone afterwards.

    Raises:
      DataError: the root cannot be written to, then or while the folder is held.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for stale in root.glob(".tmp-*"):
                shutil.rmtree(stale)
            temporary = root / f".tmp-{os.getpid()}"
            temporary.mkdir()
            try:
                yield temporary
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        causes = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EACCES: "no permission to write",
            errno.EPERM: "no permission to write",
            errno.EROFS: "the file system is read-only",
            errno.ENOTDIR: "a part of the path is a file, not a folder",
            errno.EEXIST: "a file stands where the folder should be",
        }
        cause = causes.get(error.errno or 0, error.strerror or str(error))
        raise DataError(
            f"data.root: the spans cannot be written to {error.filename or root}: {cause}",
            edit=f"data.root or output.root (now {root})",
        ) from error
