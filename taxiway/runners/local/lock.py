"""One run at a time on one metadata store: the second waits, and says for whom."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.metadata.connection import Metadata, SqliteMetadata

POLL_SECONDS = 0.2
_LONGEST = 200


_HOLDER = re.compile(r"run (\S+), process \d+")


@contextlib.contextmanager
def run_lock(
    metadata: Metadata,
    run_id: str,
    say: Callable[[str], None],
    bury: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Holds the store's lock file; SQLite would make two runs fail in the middle of each other.

    A database server takes many runs at once and needs none. The kernel drops the lock when its
    process ends, however it ends; a run that is still named in the file then was killed.

    Args:
      metadata: the store.
      run_id: the run that holds the lock from here on.
      say: is told for whom this run waits.
      bury: is given the id of a run that was killed, before the file names another.

    Raises:
      ConfigError: the lock file cannot be opened.
      TaxiwayError: another run held it for longer than metadata.wait_seconds.
    """
    if not isinstance(metadata, SqliteMetadata):
        yield
        return
    path = Path(f"{metadata.path}.lock")
    with _open(path) as file:
        _acquire(file.fileno(), path, metadata.wait_seconds, say)
        killed = _HOLDER.fullmatch(_holder(path))
        if killed:
            bury(killed[1])
        file.truncate(0)
        file.write(f"run {run_id}, process {os.getpid()}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the lock file {path} cannot be opened: {error.strerror or error}; every user of the "
            "metadata store has to be able to write it",
            edit=f"the owner or mode of {path}, or metadata.path for a store of its own",
        ) from None


def _holder(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[:_LONGEST]


def _acquire(descriptor: int, path: Path, wait_seconds: float, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + wait_seconds
    said = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(path) or "another run"
            if time.monotonic() >= deadline:
                raise TaxiwayError(
                    f"{holder} still uses the metadata store after {wait_seconds:g} s",
                    edit="metadata.wait_seconds, or metadata.path for a store of its own",
                ) from None
            if not said:
                say(f"waiting for {holder}, which uses the same metadata store")
                said = True
            time.sleep(POLL_SECONDS)
        else:
            return
