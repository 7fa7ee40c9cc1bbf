"""Pushes to folders: copied beside the versions, then renamed; and what is left of dead ones."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from pydantic import model_validator

from taxiway.errors import TaxiwayError
from taxiway.process.alive import is_alive
from taxiway.process.manifest import MANIFEST_FILE, verify
from taxiway.push.destination import PushDestination, Pushed, any_push

_HALF: Final = ".push-"
"""Begins the name of a copy that is not whole yet; the machine and the process follow."""
_DEAD_SECONDS: Final = 24 * 3600.0


class FilesystemPush(PushDestination):
    """A folder of this machine or of a mounted volume, in TensorFlow Serving's layout. The default.

    A model that is the newest version there, and whole, is not pushed again.
    """

    kind: Literal["filesystem"]

    @model_validator(mode="after")
    def _is_a_folder(self) -> FilesystemPush:
        if "://" in self.destination:
            raise ValueError(
                f"destination {self.destination} is an address, and kind 'filesystem' pushes to "
                "folders: give a folder, or set kind: bucket for gs://..."
            )
        return self

    def push(self, model: str, confirm: Callable[[], None] = any_push) -> Pushed:
        """Copies beside the versions and renames; see `push_to_folder`."""
        version = push_to_folder(Path(model), Path(self.destination), confirm=confirm)
        return Pushed(str(version), version.name)

    def lost(self, place: str) -> str:
        """Goes by the numbers of the versions, and by the manifest in the newest."""
        newest = newest_version(Path(self.destination))
        if newest != Path(place):
            return f"a server takes {newest or 'nothing'}, and {place} was pushed last"
        try:
            verify(newest)
        except TaxiwayError as error:
            return error.message
        return ""

    def withdraw(self, place: str) -> None:
        """Hides the folder at once, and then removes it."""
        folder = Path(place)
        hidden = folder.with_name(f"{_HALF}{socket.gethostname()}-{os.getpid()}")
        with suppress(FileNotFoundError):
            folder.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def push_to_folder(
    model: Path,
    destination: Path,
    clock: Callable[[], float] = time.time,
    confirm: Callable[[], None] = any_push,
) -> Path:
    """The version folder, below `destination`, that holds the model and that a server takes.

    Versions are numbers, as TensorFlow Serving wants them: seconds since the epoch, made larger
    where needed so that a later push is always the higher version. The model is copied unless the
    highest holds it already.

    Raises:
      TaxiwayError: the destination is not a folder, cannot be written, or the disk is full; or the
        copy is not what the model's manifest says.
    """
    temporary = destination / f"{_HALF}{socket.gethostname()}-{os.getpid()}"
    try:
        destination.mkdir(parents=True, exist_ok=True)
        remove_dead_pushes(destination)
        newest = newest_version(destination)
        if newest is not None and folder_digest(newest) == folder_digest(model):
            return newest
        version = max([int(clock()), *(number + 1 for number in _numbers(destination))])
        target = destination / str(version)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(model, temporary)
        if (temporary / MANIFEST_FILE).is_file():
            verify(temporary)
        sync(temporary)
        confirm()
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


def newest_version(destination: Path) -> Path | None:
    """The folder that a server takes: that of the highest number; None where there is none."""
    folders = (destination / str(number) for number in sorted(_numbers(destination), reverse=True))
    return next(filter(Path.is_dir, folders), None)


def _numbers(destination: Path) -> list[int]:
    if not destination.is_dir():
        return []
    names = (path.name for path in destination.iterdir())
    return [int(name) for name in names if name.isascii() and name.isdigit()]


def remove_dead_pushes(destination: Path) -> list[Path]:
    """Removes what processes that died in the middle of a push left; gives what it removed.

    Of another machine's, as of another pod on the same volume, none is known to be dead until
    nothing has been written to it for a day.
    """
    here = socket.gethostname()
    removed = []
    for folder in sorted(destination.glob(f"{_HALF}*")):
        host, _, process = folder.name.removeprefix(_HALF).rpartition("-")
        if host in (here, "") and process.isascii() and process.isdigit():
            # This process is not in the middle of a push, so its id was another's before.
            dead = int(process) == os.getpid() or not is_alive(int(process))
        else:
            dead = _is_old(folder)
        if dead:
            _remove(folder)
            removed.append(folder)
    return removed


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_old(folder: Path) -> bool:
    try:
        newest = max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:  # it is being renamed, so someone is at work on it
        return False
    return time.time() - newest > _DEAD_SECONDS


def folder_digest(folder: Path) -> str:
    """sha256 over the relative names and bytes of all files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def sync(folder: Path) -> None:
    """Puts every file on disk, before a rename makes them visible."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
