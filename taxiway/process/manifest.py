"""The manifest of a model: the sha256 of each file, by which whoever copies or loads it knows it.

ModelManifest writes one beside each trained model, and a pushed model has its own in its folder.
`sha256sum -c MANIFEST.sha256` in there does what `verify` does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from taxiway.errors import TaxiwayError

MANIFEST_FILE: Final = "MANIFEST.sha256"

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_CHUNK_BYTES = 2**20


def verify(model_dir: Path, manifest: Path | None = None) -> None:
    """Holds every file of a SavedModel against its manifest.

    Args:
      model_dir: the SavedModel's folder.
      manifest: `MANIFEST.sha256`; None means the one in the folder, as a pushed model has it.

    Raises:
      TaxiwayError: names the first file, by name, that is missing, extra or changed; also where
        the manifest itself cannot be read.
    """
    manifest = manifest or model_dir / MANIFEST_FILE
    try:
        named = _parse(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TaxiwayError(f"{manifest} cannot be read: {error}") from error
    found = {
        path.relative_to(model_dir).as_posix(): path
        for path in model_dir.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    found.pop(MANIFEST_FILE, None)
    for name in sorted(named.keys() | found.keys()):
        fault = _fault(found.get(name), named.get(name))
        if fault:
            raise TaxiwayError(f"{model_dir}: '{name}' {fault} (manifest: {manifest})")


def manifest_text(digests: Mapping[str, str]) -> str:
    """A manifest of files: their sha256 by name, below the model's folder."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def names_in(text: str) -> list[str]:
    """The files that a manifest names.

    Raises:
      TaxiwayError: the text is no manifest.
    """
    return list(_named(text))


def digest(text: str) -> str:
    """One sha256 that names the model's content, whatever the order of the manifest's lines.

    Raises:
      TaxiwayError: the text is no manifest.
    """
    return hashlib.sha256(manifest_text(_named(text)).encode()).hexdigest()


def manifest_of(model_dir: Path) -> str:
    """The manifest of the files in a folder, its own manifest left out."""
    paths = (path for path in model_dir.rglob("*") if path.is_file())
    digests = {path.relative_to(model_dir).as_posix(): _sha256(path) for path in paths}
    digests.pop(MANIFEST_FILE, None)
    return manifest_text(digests)


def folder_digest(model_dir: Path) -> str:
    """`digest` of the files in a folder, its own manifest left out.

    Raises:
      TaxiwayError: there is no file.
    """
    return digest(manifest_of(model_dir))


def _named(text: str) -> dict[str, str]:
    try:
        return _parse(text)
    except ValueError as error:
        raise TaxiwayError(str(error)) from error


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
