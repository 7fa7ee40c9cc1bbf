"""Pushes to buckets, by TensorFlow's file system: copied file by file, the graph last."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from taxiway.errors import TaxiwayError
from taxiway.process.manifest import MANIFEST_FILE, names_in
from taxiway.push.destination import PushDestination, Pushed, any_push


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
                "in taxiway/push/"
            )
        return self

    def push(self, model: str, confirm: Callable[[], None] = any_push) -> Pushed:
        """Copies file by file through TensorFlow's file system."""
        return push_by_gfile(model, self.destination, confirm=confirm)

    def lost(self, place: str) -> str:
        """Goes by the numbers of the versions, and by which files are there."""
        return lost_by_gfile(self.destination, place)


def push_by_gfile(
    model: str,
    destination: str,
    clock: Callable[[], float] = time.time,
    confirm: Callable[[], None] = any_push,
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
