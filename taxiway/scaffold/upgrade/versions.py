"""Versions of Taxiway beside the one that runs, and the projects that their templates make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from taxiway.errors import TaxiwayError
from taxiway.scaffold.project.record import Record, read_record
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


def rendered(source: Source, answers: Record, project: Path) -> Record:
    """Has a version of Taxiway write a project as its `taxiway new project` does.

    That version does it itself, in a process of its own: how a template becomes a project may
    change from one to the next, while the options of the command do not.

    Args:
      source: of the version.
      answers: what the project was made with.
      project: the folder to make; beside it the package is unpacked.

    Raises:
      TaxiwayError: the package cannot be had, or its template makes no project.
    """
    package = project.with_name(f"{project.name}.package")
    if isinstance(source, Checkout):
        package.mkdir(parents=True)
        source = built(source, package)
    if isinstance(source, Git):
        source = pinned(source)
    if isinstance(source, Wheel):
        with zipfile.ZipFile(source.path) as archive:  # as pip installs a wheel of Python alone
            archive.extractall(package)
    else:
        _install(source, package)
    (found,) = metadata.distributions(name=PACKAGE, path=[str(package)])
    if isinstance(source, Index):
        source = Index(found.version)
    place = source.text if isinstance(source, Remote) else str(source.path.resolve())
    command = ("new", "project", str(project), "--name", answers.name, "--source", place)
    done = subprocess.run(
        [sys.executable, "-m", "taxiway", *command, *(["--with-example"] * answers.example)],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        reason = done.stderr.strip().removeprefix("error: ")
        raise TaxiwayError(f"the template of Taxiway {found.version} makes no project: {reason}")
    return read_record(project)


def _install(source: Remote, folder: Path) -> None:
    """Puts the package into a folder, without what it needs."""
    wanted = f"{PACKAGE}{source.requirement}"
    command = (*_installer(), "--quiet", "--no-deps", "--target", str(folder), wanted)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        told = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise TaxiwayError(f"{wanted} cannot be had: {told}", edit="--to")


def _installer() -> Sequence[str]:
    """The uv of the Makefile, which is on PATH or beside .venv; or else pip."""
    beside = Path(sys.prefix).parent / ".uv" / "bin" / "uv"
    uv = shutil.which("uv") or shutil.which(beside)
    if uv:
        return (uv, "pip", "install", "--python", sys.executable)
    return (sys.executable, "-m", "pip", "install")
