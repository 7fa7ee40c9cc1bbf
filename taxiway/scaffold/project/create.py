"""Writes a project: the template's files with its name filled in, and where the package is."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError
from taxiway.scaffold.project.record import Record
from taxiway.scaffold.project.sources import (
    PACKAGE,
    Checkout,
    Git,
    Index,
    Remote,
    Source,
    Wheel,
    built,
    pinned,
)
from taxiway.scaffold.project.template import Package, project_files, template_files

WHEELS: Final = "wheels"
"""Folder of a project, for a package that no address leads to."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME: Final = 63


def create_project(
    folder: Path, name: str, source: Source, version: str, example: bool = False
) -> Record:
    """Writes a whole project, or nothing.

    Args:
      folder: of the project; it is made, or is there and empty.
      name: of the project.
      source: where the project gets the package from.
      version: of the package that runs, whose template this is.
      example: whether to bring the flights.

    Raises:
      ConfigError: the folder has something in it, the name is none for a project, or the source
        has another version.
      TaxiwayError: no wheel can be built of a checkout, or a git address cannot be reached.
    """
    _check_folder(folder)
    template = template_files()
    _check_name(name, template)
    with tempfile.TemporaryDirectory() as scratch:
        if isinstance(source, Checkout):
            source = built(source, Path(scratch))
        if isinstance(source, Git):
            source = pinned(source)
        if isinstance(source, Index) and not source.version:
            source = Index(version)
        if isinstance(source, Wheel | Index) and source.version != version:
            raise ConfigError(
                f"--source is Taxiway {source.version}, and this is {version}: "
                "the `taxiway new project` of that version writes what fits it",
                edit="--source",
            )
        package = _placed(source)
        record = Record(
            name, version, source.text if isinstance(source, Remote) else package.path, example
        )
        files = project_files(record, package, template)
        _write(folder, files)
        if isinstance(source, Wheel):
            (folder / WHEELS).mkdir()
            shutil.copyfile(source.path, folder / package.path)
    return record


def _placed(source: Wheel | Remote) -> Package:
    """How a project names a source in pyproject.toml."""
    if isinstance(source, Wheel):
        return Package(f"=={source.version}", f"{WHEELS}/{source.path.name}")
    return Package(source.requirement)


def _check_folder(folder: Path) -> None:
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise ConfigError(f"{folder} is a file, expected a folder to be made", edit="DIR")
        first = next(folder.iterdir(), None)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be opened: {error.strerror}", edit="DIR") from None
    if first is not None:
        raise ConfigError(
            f"{folder} has something in it already, such as {first.name}; expected a folder that "
            "does not exist or is empty",
            edit="DIR",
        )


def _check_name(name: str, template: Mapping[str, Path]) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ConfigError(
            f"--name: '{name}' is no name for a project, expected at most {_LONGEST_NAME} small "
            "letters and digits in words joined by hyphens, such as taxi-fares",
            edit="--name",
        )
    lock = template["requirements.lock"].read_text(encoding="utf-8")
    if name == PACKAGE or re.search(rf"^{name}==", lock, re.M):
        raise ConfigError(
            f"--name: '{name}' is the name of a package that the project itself needs",
            edit="--name",
        )


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be written: {error.strerror}", edit="DIR"
        ) from None
