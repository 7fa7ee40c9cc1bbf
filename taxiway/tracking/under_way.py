"""Whether a run is under way, or was killed: while it works it holds the lock of a file.

The file lies in the run's folder and says on which machine the run is, and what it is at. The
kernel drops the lock when the process ends, however it ends; a run that ends by itself removes the
file. So a file whose lock is free is of a run that was killed, if its machine is this one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from taxiway.metadata.records import Outcome
from taxiway.registry.runs import UNFINISHED

FILE: Final = ".running"
"""In a run's folder, as long as it is under way."""


class Running:
    """The mark of a run that is under way; see `running`.

    Args:
      file: open, and locked.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def at(self, where: str) -> None:
        """Says where the run is, such as `in Trainer`, for whoever finds that it was killed."""
        self._file.seek(0)
        self._file.write(json.dumps({"host": socket.gethostname(), "where": where}) + "\n")
        self._file.truncate()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Running | None]:
    """Marks a run as under way while the block runs; None where no file can be locked.

    Args:
      folder: the run's.
    """
    path, new = folder / FILE, folder / f"{FILE}.new"
    with contextlib.ExitStack() as opened:
        mark = None
        try:
            file = opened.enter_context(new.open("w", encoding="utf-8"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = Running(file)
            held.at("before its first node")
            new.rename(path)  # so none is ever seen that is not held
            mark = held
        except OSError as error:
            logging.warning("%s cannot be locked, so that no kill would show: %s", path, error)
        try:
            yield mark
        finally:
            if mark is not None:
                path.unlink(missing_ok=True)


def under_way(folder: Path) -> bool | None:
    """Whether a run is under way: False where it was killed.

    Args:
      folder: the run's.

    Returns:
      None where the folder does not say: the run has ended, it never said so (as on Kubeflow), or
      it is on a machine whose locks cannot be seen from here.
    """
    try:
        with (folder / FILE).open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False if _said(folder).get("host") == socket.gethostname() else None


def outcome_now(outcome: str, folder: Path) -> str:
    """How a run ended: one without an end on record is under way, or was killed.

    Args:
      outcome: as the index has it.
      folder: the run's.
    """
    if outcome == UNFINISHED and under_way(folder) is False:
        return Outcome.KILLED.value
    return outcome


def killed_where(folder: Path) -> str:
    """Where a run was killed that is not under way, in a sentence; empty where that is not said."""
    where = _said(folder).get("where")
    return f"it was killed {where}" if where else ""


def bury(folder: Path) -> None:
    """Takes away the mark of a run that was killed, once its end is on record."""
    (folder / FILE).unlink(missing_ok=True)


def _said(folder: Path) -> dict[str, Any]:
    """The first line; a longer text of before may be behind it, where the run was killed in it."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8").partition("\n")[0])
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
