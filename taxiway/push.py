"""Push destinations: where a blessed model goes, one class per `push.kind`.

A new one is a class with a `kind`, its own keys and `push`, and its name in `Push` at the end. The
Pusher component hands over a SavedModel with its manifest in it, and keeps what `push` gives.

What a server takes is the highest version. So a model that was pushed before and is asked for again
is pushed again, as a version above those that came since.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, model_validator

from taxiway.errors import TaxiwayError
from taxiway.process.alive import is_alive
from taxiway.process.manifest import MANIFEST_FILE, names_in, verify
from taxiway.section import Frozen

_HALF: Final = ".push-"
"""Begins the name of a copy that is not whole yet; the machine and the process follow."""
_DEAD_SECONDS: Final = 24 * 3600.0


def _nothing() -> None:
    """Confirms any push."""


@dataclass(frozen=True)
class Pushed:
    """A model where it was pushed to."""

    place: str
    """The folder of this version, or another address under which it is found."""
    version: str


class PushDestination(Frozen):
    """Base of all kinds."""

    destination: str = ""
    """Empty means `<output.root>/serving/<model.name>`."""

    @abstractmethod
    def push(self, model: str, confirm: Callable[[], None] = _nothing) -> Pushed:
        """Copies a SavedModel so that a watcher sees all of it or nothing.

        Args:
          model: its folder; in a bucket where `output.root` is one.
          confirm: called when all is copied and a server cannot see it yet; what it raises, as
            where another deployer has taken over, ends the push without a new version.

        Raises:
          TaxiwayError: the destination cannot be written.
        """

    def lost(self, place: str) -> str:
        """Why what was pushed there is not what a server takes from there now; empty where it is.

        Args:
          place: as `push` gave it.
        """
        return "" if "://" in place or Path(place).exists() else f"{place} is gone"

    def withdraw(self, place: str) -> None:  # nothing, where a kind cannot
        """Takes back what was pushed, so that a server takes what is below it again.

        Args:
          place: as `push` gave it.
        """


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

    def push(self, model: str, confirm: Callable[[], None] = _nothing) -> Pushed:
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


class BucketPush(PushDestination):
    """A Google Cloud Storage bucket, in TensorFlow Serving's layout. The default for an address.

    A bucket renames no folders, so `saved_model.pb`, without which a folder is no model, is written
    last. A model that is the newest version there is not pushed again.
    """

    kind: Literal["bucket"]

    @model_validator(mode="after")
    def _is_a_bucket(self) -> BucketPush:
        if self.destination and not self.destination.startswith("gs://"):
            raise ValueError(
                f"destination {self.destination} is no bucket that TensorFlow opens by itself: "
                "give gs://..., mount another store as a folder (kind: filesystem), or add a kind "
                "in taxiway/push.py"
            )
        return self

    def push(self, model: str, confirm: Callable[[], None] = _nothing) -> Pushed:
        """Copies file by file through TensorFlow's file system."""
        return push_by_gfile(model, self.destination, confirm=confirm)

    def lost(self, place: str) -> str:
        """Goes by the numbers of the versions, and by which files are there."""
        return lost_by_gfile(self.destination, place)


Push = Annotated[FilesystemPush | BucketPush, Field(discriminator="kind")]
"""The `push` section: every kind of destination."""


def parse(config: str) -> Push:
    """The push section from its JSON."""
    adapter: TypeAdapter[Push] = TypeAdapter(Push)
    return adapter.validate_json(config)


def push_to(place: str) -> Push:
    """The push to a place that is told by its address alone, as the model store is."""
    if "://" in place:
        return BucketPush(kind="bucket", destination=place)
    return FilesystemPush(kind="filesystem", destination=place)


def push_to_folder(
    model: Path,
    destination: Path,
    clock: Callable[[], float] = time.time,
    confirm: Callable[[], None] = _nothing,
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


def push_by_gfile(
    model: str,
    destination: str,
    clock: Callable[[], float] = time.time,
    confirm: Callable[[], None] = _nothing,
) -> Pushed:
    """Copies a SavedModel to a new version below `destination`, `saved_model.pb` last.

    A model whose manifest is that of the newest version is not copied again.

    Raises:
      TaxiwayError: TensorFlow cannot read the one or write the other.
    """
    import tensorflow as tf

    files = tf.io.gfile
    try:
        files.makedirs(destination)
        versions = _versions_by_gfile(destination)
        newest = f"{destination.rstrip('/')}/{max(versions, default=0)}"
        manifest = manifest_by_gfile(model)
        if manifest and manifest == manifest_by_gfile(newest):
            return Pushed(newest, newest.rpartition("/")[2])
        version = str(max([int(clock()), *(one + 1 for one in versions)]))
        target = f"{destination.rstrip('/')}/{version}"
        paths = [
            f"{folder.rstrip('/')}/{name}"
            for folder, _, names in files.walk(model)
            for name in names
        ]
        for path in sorted(paths, key=lambda one: (one.endswith("/saved_model.pb"), one)):
            copy = target + path.removeprefix(model.rstrip("/"))
            if path == f"{model.rstrip('/')}/saved_model.pb":
                confirm()
            files.makedirs(copy.rpartition("/")[0])
            files.copy(path, copy)
    except tf.errors.OpError as error:
        raise TaxiwayError(
            f"cannot push the model to {destination}: {error.message}", edit="push.destination"
        ) from error
    return Pushed(target, version)


def lost_by_gfile(destination: str, place: str) -> str:
    """As `PushDestination.lost`; looks for files without reading them, for a bucket is far away."""
    versions = _versions_by_gfile(destination)
    newest = f"{destination.rstrip('/')}/{max(versions)}" if versions else ""
    if newest != place:
        return f"a server takes {newest or 'nothing'}, and {place} was pushed last"
    return "" if manifest_by_gfile(place) else f"{place} is not whole"


def _versions_by_gfile(destination: str) -> list[int]:
    import tensorflow as tf

    if not tf.io.gfile.isdir(destination):
        return []
    found = (name.strip("/") for name in tf.io.gfile.listdir(destination))
    return [int(name) for name in found if name.isascii() and name.isdigit()]


def manifest_by_gfile(folder: str) -> str:
    """The text of the manifest in a folder that has all files it names; empty otherwise."""
    import tensorflow as tf

    files, path = tf.io.gfile, f"{folder}/{MANIFEST_FILE}"
    if not files.exists(path):
        return ""
    with files.GFile(path, "r") as file:
        text = str(file.read())
    whole = all(files.exists(f"{folder}/{name}") for name in names_in(text))
    return text if whole else ""


def copy_by_gfile(folder: str, target: Path) -> None:
    """Copies the manifest of a folder, and each file that it names, to a folder of this machine.

    Raises:
      TaxiwayError: TensorFlow cannot read it.
    """
    import tensorflow as tf

    try:
        for name in [*names_in(manifest_by_gfile(folder)), MANIFEST_FILE]:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            tf.io.gfile.copy(f"{folder.rstrip('/')}/{name}", str(target / name))
    except tf.errors.OpError as error:
        raise TaxiwayError(f"cannot copy the model from {folder}: {error.message}") from error


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
