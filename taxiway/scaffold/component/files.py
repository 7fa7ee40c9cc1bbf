"""Files of a project: read as they are, and written all together or not at all."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.terminal import one_line


def read(path: Path) -> str | None:
    """The text of a file with its line ends as they are; None where there is none.

    Raises:
      TaxiwayError: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise TaxiwayError(
            f"{one_line(str(path))} cannot be read: {error}", edit=str(path)
        ) from None


def parse(source: str, place: str) -> ast.Module:
    """The code of a module that is to be changed.

    Args:
      source: its text.
      place: where it is, for the error.

    Raises:
      ConfigError: it is no Python.
    """
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, up to Python 3.11
        line = getattr(error, "lineno", None) or 1
        raise ConfigError(
            f"{place} is no Python that could be added to: line {line}: {error.args[0]}",
            edit=f"{place}:{line}",
        ) from None


def write_all(root: Path, texts: Mapping[str, str | None]) -> None:
    """Writes files below a folder, and removes those whose text is None, with emptied folders.

    Raises:
      TaxiwayError: one cannot be written; those before it are as they were.
    """
    before: dict[str, str | None] = {}
    try:
        for path, text in texts.items():
            before[path] = read(root / path)
            _put(root, path, text)
    except OSError as error:
        before.pop(path)
        for done, old in before.items():
            _put(root, done, old)
        raise TaxiwayError(
            f"{one_line(str(root / path))} cannot be written: {error.strerror}; "
            "nothing was changed",
            edit=str(root / path),
        ) from None


def _put(root: Path, path: str, text: str | None) -> None:
    file = root / path
    if text is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        return
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if folder == root or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()
