"""A manifest read back: whether a model's files are still those it names, and one name for them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from taxiway.errors import TaxiwayError

MANIFEST_FILE = "MANIFEST.sha256"

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_CHUNK_BYTES = 2**20


def verify(model_dir: Path, manifest: Path) -> None:
    """Holds every file of a SavedModel against its manifest.

    Args:
      model_dir: the SavedModel's folder.
      manifest: `MANIFEST.sha256`, as the ModelManifest component wrote it.

    Raises:
      TaxiwayError: names the first file, by name, that is missing, extra or changed; also where
        the manifest itself cannot be read.
    """
    try:
        named = _parse(manifest.read_text())
    except (OSError, ValueError) as error:
        raise TaxiwayError(f"{manifest} cannot be read: {error}") from error
    found = {
        path.relative_to(model_dir).as_posix(): path
        for path in model_dir.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    for name in sorted(named.keys() | found.keys()):
        fault = _fault(found.get(name), named.get(name))
        if fault:
            raise TaxiwayError(f"{model_dir}: '{name}' {fault} (manifest: {manifest})")


def digest(manifest_text: str) -> str:
    """One sha256 that names the model's content, whatever the order of the manifest's lines.

    Raises:
      TaxiwayError: the text is no manifest.
    """
    try:
        named = _parse(manifest_text)
    except ValueError as error:
        raise TaxiwayError(str(error)) from error
    lines = "".join(f"{named[name]}  {name}\n" for name in sorted(named))
    return hashlib.sha256(lines.encode()).hexdigest()


def _parse(text: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for line in filter(None, text.split("\n")):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"received the line {line[:100]!r}, expected '<sha256>  <file>'")
        named[match[2]] = match[1]
    if not named:
        raise ValueError("the manifest names no file")
    return named


def _fault(path: Path | None, expected: str | None) -> str:
    if expected is None:
        return "is not in the manifest"
    if path is None:
        return "is missing"
    if path.is_symlink() or not path.is_file():
        return "is not a plain file"
    return "" if _sha256(path) == expected else "has changed"


def _sha256(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            total.update(chunk)
    return total.hexdigest()
