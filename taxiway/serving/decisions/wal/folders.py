"""One folder for each gateway process, which holds a lock in it for as long as it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from taxiway.serving.decisions.layout import WAL, sync_folder

LOCK: Final = "lock"
CONVERTING: Final = "converting"
COUNTERS: Final = "counters"
OPEN: Final = ".open"
CLOSED: Final = ".closed"
_HALF_MADE_SECONDS: Final = 3600.0
_LONGEST_HOST: Final = 40


class GatewayFolder:
    """The folder of a gateway process that is alive: this one. Its lock is the kernel's to drop."""

    def __init__(self, root: Path) -> None:
        host = re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower())[:_LONGEST_HOST].strip("-")
        self.gateway = f"{host or 'host'}-{os.urandom(4).hex()}"
        above = root / WAL
        above.mkdir(parents=True, exist_ok=True)
        made = above / f".{self.gateway}"
        made.mkdir(mode=0o700)
        self._lock = (made / LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = above / self.gateway
        made.rename(self.path)  # so none is ever seen whose lock is not held
        sync_folder(above)

    def close(self) -> None:
        """Says that this process will write no more."""
        self._lock.close()


def gateways(root: Path) -> list[Path]:
    """Folders of gateways that are alive, and of those whose rows are not all Parquet yet."""
    above = root / WAL
    if not above.is_dir():
        return []
    return sorted(one for one in above.iterdir() if one.is_dir() and one.name[0] != ".")


def segments(folder: Path, *, also_open: bool) -> list[Path]:
    """A gateway's segments, oldest first.

    Args:
      folder: of the gateway.
      also_open: the one that is written to as well, as of a gateway that has ended.
    """
    endings = (CLOSED, OPEN) if also_open else (CLOSED,)
    with contextlib.suppress(FileNotFoundError):
        return sorted(one for one in folder.iterdir() if one.suffix in endings)
    return []


def is_alive(folder: Path) -> bool:
    """Whether the gateway of a folder is still there."""
    with held(folder / LOCK, wait=False) as lock:
        return lock is None


@contextlib.contextmanager
def held(path: Path, *, wait: bool) -> Iterator[IO[str] | None]:
    """Holds the lock of a file; None where another has it, or there is no such folder any more.

    Args:
      path: of the file, made where it is missing.
      wait: for whoever has it.
    """
    try:
        file = path.open("a")
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield file


def remove_half_made(root: Path) -> None:
    """Removes folders of gateways that were killed as they made them."""
    above = root / WAL
    for folder in above.glob(".*") if above.is_dir() else ():
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _HALF_MADE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
