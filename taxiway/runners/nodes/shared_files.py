"""Files that cross users: a container component's own user need not be the one we run as.

On Kubeflow its task runs as whoever its image or the cluster says: root without any rights (from
2.16 on), a random user (OpenShift), nobody (root on NFS with root_squash). All that is certain is
that it is one of `others`, so what it reads and writes is opened to them before, and what it wrote
is looked at after.
"""

from __future__ import annotations

import logging
import os
import stat
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from taxiway.errors import TaxiwayError

READ_FILE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
READ_FOLDER = READ_FILE | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
PASS = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def lend(inputs: Mapping[str, Sequence[Any]], outputs: Mapping[str, Sequence[Any]]) -> None:
    """Lets any user read a component's input artifacts and write its output artifacts.

    What is not ours to open stays as it is, and the log says so: storage may decide on its own who
    gets in, by the group or for all.
    """
    for path in _local(inputs):
        _lead_to(path)
        for one in _below(path):
            _add(one, READ_FOLDER if one.is_dir() else READ_FILE)
    for path in _local(outputs):
        _lead_to(path)
        if path.is_dir():
            _add(path, READ_FOLDER | WRITE)
        elif path.exists():  # one value, in a file of its own
            _add(path, READ_FILE | WRITE)
            _add(path.parent, READ_FOLDER | WRITE)


def check_readable(node_id: str, outputs: Mapping[str, Sequence[Any]]) -> None:
    """Refuses what a container wrote for itself alone, before anyone relies on it.

    Raises:
      TaxiwayError: names the first such file or folder, its owner and its mode.
    """
    for path in _local(outputs):
        for one in _below(path):
            wanted = os.R_OK | (os.X_OK if one.is_dir() else 0)
            if not os.access(one, wanted, effective_ids=True):
                raise TaxiwayError(
                    f"the container of {node_id} left {_described(one)}, which user "
                    f"{os.geteuid()} cannot read: expected outputs that everyone may read",
                    edit=f"the command of {node_id}: a umask of 022 or less",
                )


def take_back(outputs: Mapping[str, Sequence[Any]]) -> None:
    """Closes to other users what of a component's outputs is ours: none may add to it later."""
    for path in _local(outputs):
        for one in _below(path):
            found = one.stat()
            if found.st_uid == os.geteuid() and found.st_mode & stat.S_IWOTH:
                one.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IWOTH)


def set_aside(path: Path) -> Path:
    """Renames a folder of ours that holds what another user wrote and we may not remove.

    Returns:
      Where it is now: beside its old place, hidden, and named in the log.
    """
    aside = path.with_name(f".{path.name}.abandoned-{uuid.uuid4().hex[:8]}")
    path.rename(aside)
    logging.warning("%s could not be removed and is now %s: remove it as its owner", path, aside)
    return aside


def _lead_to(path: Path) -> None:
    """Lets any user pass through the folders above."""
    for folder in path.absolute().parents:
        _add(folder, PASS)


def _add(path: Path, wanted: int) -> None:
    found = stat.S_IMODE(path.stat().st_mode)
    if found & wanted == wanted:
        return
    try:
        path.chmod(found | wanted)
    except OSError as error:
        logging.warning(
            "%s cannot be opened to the user of a container: %s; where that user cannot use it, "
            "expected mode %04o",
            _described(path),
            error.strerror,
            found | wanted,
        )


def _described(path: Path) -> str:
    found = path.stat()
    return f"{path} (user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o})"


def _below(path: Path) -> Iterator[Path]:
    """The path and all below it; a folder comes before what is in it. Links are not followed."""
    if path.is_symlink() or not path.exists():
        return
    yield path
    if path.is_dir() and os.access(path, os.R_OK | os.X_OK, effective_ids=True):
        for one in sorted(path.iterdir()):
            yield from _below(one)


def _local(artifacts: Mapping[str, Iterable[Any]]) -> Iterator[Path]:
    """Where artifacts are, but those in a bucket, where no users are known."""
    for each in artifacts.values():
        for one in each:
            place = str(one.uri).removeprefix("file://")
            if "://" not in place:
                yield Path(place)
