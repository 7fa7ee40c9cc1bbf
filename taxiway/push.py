"""Push destinations: where a blessed model goes, one class per `push.kind`.

A new one is a class with a `kind`, its own keys and `push`, and its name in `Push` at the end. The
Pusher component hands over a SavedModel and keeps what `push` gives.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, model_validator

from taxiway.errors import TaxiwayError
from taxiway.section import Frozen


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
    def push(self, model: str) -> Pushed:
        """Copies a SavedModel so that a watcher sees all of it or nothing.

        Args:
          model: its folder; in a bucket where `output.root` is one.

        Raises:
          TaxiwayError: the destination cannot be written.
        """


class FilesystemPush(PushDestination):
    """A folder of this machine or of a mounted volume, in TensorFlow Serving's layout. The default.

    A model is pushed once: what is there already with the same content keeps its version.
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

    def push(self, model: str) -> Pushed:
        """Copies beside the versions and renames; see `push_to_folder`."""
        version = push_to_folder(Path(model), Path(self.destination))
        return Pushed(str(version), version.name)


class BucketPush(PushDestination):
    """A Google Cloud Storage bucket, in TensorFlow Serving's layout. The default for an address.

    Each push is a new version. A bucket renames no folders, so `saved_model.pb`, without which a
    folder is no model, is written last.
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

    def push(self, model: str) -> Pushed:
        """Copies file by file through TensorFlow's file system."""
        return push_by_gfile(model, self.destination)


Push = Annotated[FilesystemPush | BucketPush, Field(discriminator="kind")]
"""The `push` section: every kind of destination."""


def parse(config: str) -> Push:
    """The push section from its JSON."""
    adapter: TypeAdapter[Push] = TypeAdapter(Push)
    return adapter.validate_json(config)


def push_to_folder(model: Path, destination: Path, clock: Callable[[], float] = time.time) -> Path:
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


def push_by_gfile(model: str, destination: str, clock: Callable[[], float] = time.time) -> Pushed:
    """Copies a SavedModel to a new version below `destination`, `saved_model.pb` last.

    Raises:
      TaxiwayError: TensorFlow cannot read the one or write the other.
    """
    import tensorflow as tf

    files = tf.io.gfile
    try:
        files.makedirs(destination)
        found = (name.strip("/") for name in files.listdir(destination))
        versions = [int(name) for name in found if name.isdigit()]
        version = str(max([int(clock()), *(one + 1 for one in versions)]))
        target = f"{destination.rstrip('/')}/{version}"
        paths = [
            f"{folder.rstrip('/')}/{name}"
            for folder, _, names in files.walk(model)
            for name in names
        ]
        for path in sorted(paths, key=lambda one: (one.endswith("/saved_model.pb"), one)):
            copy = target + path.removeprefix(model.rstrip("/"))
            files.makedirs(copy.rpartition("/")[0])
            files.copy(path, copy)
    except tf.errors.OpError as error:
        raise TaxiwayError(
            f"cannot push the model to {destination}: {error.message}", edit="push.destination"
        ) from error
    return Pushed(target, version)


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
