"""What an artifact holds, in a few words kept beside it, so that whoever reuses it can see a loss.

A disk cleaner, a lifecycle rule or a hand may take a part of an artifact, and what is left still
reads like a whole one: half of the examples train a model too. So the launcher writes on each
artifact how many files and bytes it has and a digest of their names and sizes; and of their
content, where that is small enough to be read again each time. Hidden files are left out, since no
reader takes them, and a network volume makes some by itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

FILES_PROPERTY: Final = "taxiway_files"
"""A custom property of artifacts; see `Inventory.files`."""
CONTENT_PROPERTY: Final = "taxiway_content"
"""A custom property of artifacts; see `Inventory.content`."""
LARGEST_CONTENT: Final = 256 * 2**20
"""Bytes of an artifact whose content is kept in mind too; they are read in some tenths of a second.
Larger ones are examples, whose records have checksums of their own."""
_BLOCK: Final = 2**20


class Inventory:
    """The files of an artifact as they are now.

    Args:
      uri: a folder, or a single file; in a bucket or on this machine.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri.removeprefix("file://")
        remote = "://" in self._uri
        self._sizes = dict(sorted(_remote(self._uri) if remote else _local(self._uri)))
        self._is_read = not remote and self.bytes <= LARGEST_CONTENT

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(self._sizes.values())

    @property
    def files(self) -> str:
        """Such as `4 files, 1,234 bytes (sha256 0a1b2c3d4e5f)`, the digest of names and sizes."""
        digest = hashlib.sha256()
        for name, size in self._sizes.items():
            digest.update(f"{name}\0{size}\n".encode(errors="surrogateescape"))
        count = len(self._sizes)
        files = f"{count:,} file{'' if count == 1 else 's'}"
        return f"{files}, {self.bytes:,} bytes (sha256 {digest.hexdigest()[:12]})"

    @property
    def content(self) -> str:
        """sha256 of all names and bytes; empty where there are too many, or in a bucket."""
        if not self._is_read:
            return ""
        digest = hashlib.sha256()
        for name in self._sizes:
            digest.update(name.encode(errors="surrogateescape") + b"\0")
            with open(os.path.join(self._uri, name) if name else self._uri, "rb") as file:  # noqa: PTH118, PTH123  # names may be no text
                while block := file.read(_BLOCK):
                    digest.update(block)
        return digest.hexdigest()

    def properties(self) -> dict[str, str]:
        """What is kept with the artifact."""
        return {FILES_PROPERTY: self.files, CONTENT_PROPERTY: self.content}


def fault(uri: str, properties: Mapping[str, Any], content: bool = True) -> str:
    """Why an artifact is not what it was when it was made; empty where it is.

    Args:
      uri: where it is.
      properties: its custom properties; one without an inventory, as an older release left it,
        has no fault that can be known.
      content: whether to look into the files too, beside names and sizes.
    """
    expected = properties.get(FILES_PROPERTY)
    if not expected:
        return ""
    try:
        now = Inventory(uri)
        if now.files != expected:
            return f"{uri} has {now.files}, and had {expected}"
        known = properties.get(CONTENT_PROPERTY)
        if content and known and now.content != known:
            return f"the content of a file in {uri} is not what it was"
    except OSError as error:
        return f"{uri} cannot be read: {error.strerror or error}"
    return ""


def _local(uri: str) -> Iterator[tuple[str, int]]:
    if os.path.isfile(uri):  # noqa: PTH113  # names may be no text
        yield "", os.stat(uri).st_size  # noqa: PTH116  # names may be no text
    for folder, folders, names in os.walk(uri):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                path = os.path.join(folder, name)  # noqa: PTH118  # names may be no text
                yield os.path.relpath(path, uri), os.lstat(path).st_size


def _remote(uri: str) -> Iterator[tuple[str, int]]:
    import tensorflow as tf

    files = tf.io.gfile
    if not files.exists(uri):
        return
    if not files.isdir(uri):
        yield "", files.stat(uri).length
        return
    root = uri.rstrip("/") + "/"
    for folder, _, names in files.walk(uri):
        below = f"{folder.rstrip('/')}/".removeprefix(root)
        for name in names:
            path = f"{below}{name}"
            if not any(part.startswith(".") for part in path.split("/")):
                yield path, files.stat(root + path).length
