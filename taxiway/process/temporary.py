"""The temporary folder of a run: all that it leaves there goes with it, also when it is killed.

Beam, TensorFlow and worker processes make folders of their own in the temporary folder, which a
killed process cannot remove, and whose names do not say whose they are. So a run has one folder for
all of them. It holds a lock in there that the kernel drops when the process ends; a later run
removes what nobody holds any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from taxiway.errors import TaxiwayError

PREFIX: Final = "taxiway-run-"
_LOCK: Final = "lock"
_UNLOCKED_SECONDS: Final = 24 * 3600.0
"""A folder without a lock is one of this moment, or of a process that died in it."""


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """Makes a folder the default one for temporary files, of child processes too, and removes it.

    What earlier runs left that were killed is removed first.

    Raises:
      TaxiwayError: no temporary folder can be made.
    """
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    try:
        remove_dead_folders()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        raise TaxiwayError(f"no temporary folder can be made: {error}", edit="TMPDIR") from None
    with (folder / "new").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "new").rename(folder / _LOCK)  # so none is ever seen that is not held
        tempfile.tempdir, os.environ["TMPDIR"] = str(folder), str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before[0]
            if before[1] is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before[1]
            shutil.rmtree(folder, ignore_errors=True)


def remove_dead_folders() -> list[Path]:
    """Removes this user's folders of runs that have ended; gives those."""
    removed = []
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        try:
            if (
                folder.lstat().st_uid == os.getuid()
                and not folder.is_symlink()
                and _is_dead(folder)
            ):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
        except OSError:  # another run removes it at this moment
            continue
    return removed


def _is_dead(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _UNLOCKED_SECONDS
    return True
