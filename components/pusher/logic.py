"""Copies a SavedModel into a serving folder so that a watcher sees all of it or nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from taxiway.errors import TaxiwayError

RUN_ID_PROPERTY = "pipeline_run_id"
"""Of a pushed model: the run that pushed it."""


def push(model: Path, destination: Path, clock: Callable[[], float] = time.time) -> Path:
    """The version folder, below `destination`, that holds the model; copied unless it is there.

    Versions are numbers, as TensorFlow Serving wants them: seconds since the epoch, made larger
    where needed so that a later push is always the higher version.

    Raises:
      TaxiwayError: the destination is not a folder, cannot be written, or the disk is full.
    """
    temporary = destination / f".push-{os.getpid()}"
    try:
        destination.mkdir(parents=True, exist_ok=True)
        versions = {int(path.name): path for path in destination.iterdir() if path.name.isdigit()}
        digest = folder_digest(model)
        for version in sorted(versions, reverse=True):
            if versions[version].is_dir() and folder_digest(versions[version]) == digest:
                return versions[version]
        target = destination / str(max([int(clock()), *(version + 1 for version in versions)]))
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(model, temporary)
        _sync(temporary)
        temporary.rename(target)
    except OSError as error:
        raise TaxiwayError(
            f"cannot push the model to {destination}: {error.strerror or error}",
            edit="push.destination",
        ) from error
    else:
        return target
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def folder_digest(folder: Path) -> str:
    """sha256 over the relative names and bytes of all files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    """Puts every file on disk before the rename makes them visible."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
