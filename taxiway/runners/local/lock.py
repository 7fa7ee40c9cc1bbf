"""One run at a time on one metadata store: the second waits, and says for whom."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from taxiway.errors import TaxiwayError
from taxiway.metadata.connection import Metadata, SqliteMetadata

POLL_SECONDS = 0.2


@contextlib.contextmanager
def run_lock(metadata: Metadata, run_id: str, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the store's lock file; SQLite would make two runs fail in the middle of each other.

    A database server takes many runs at once and needs none. The kernel drops the lock when its
    process ends, however it ends.

    Raises:
      TaxiwayError: another run held it for longer than metadata.wait_seconds.
    """
    if not isinstance(metadata, SqliteMetadata):
        yield
        return
    path = Path(f"{metadata.path}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _acquire(file.fileno(), path, metadata.wait_seconds, say)
        file.truncate(0)
        file.write(f"run {run_id}, process {os.getpid()}")
        file.flush()
        yield
        file.truncate(0)


def _acquire(descriptor: int, path: Path, wait_seconds: float, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + wait_seconds
    said = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text(encoding="utf-8") or "another run"
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
