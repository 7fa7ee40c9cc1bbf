"""Which nodes of other runs died without a word: where a run is terminated, no exit task follows.

KFP's launcher passes no signal on, so the container is gone at once, and its execution would stay
RUNNING in ML Metadata for ever. While an attempt is at work it holds the lock of a file on the
volume, which its kernel, or the storage, gives back when it dies. The next run's exit task looks
for files whose lock is free. A container component is at work between its prepare and its publish
task too, where no process of ours is: its file says until when.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from taxiway.config.schema import Config
from taxiway.metadata.records import ErrorKind
from taxiway.runners.kubeflow.task.job import EXIT_NODE
from taxiway.runners.nodes.cleanup import abandon

FOLDER: Final = ".running"
LOST: Final = "its pod was stopped or lost, and recorded no end"
_PATIENCE_SECONDS: Final = 10.0
"""Whoever looks at a file holds its lock for as long as it closes one execution."""


@contextlib.contextmanager
def at_work(config: Config, run_id: str, node_id: str) -> Iterator[None]:
    """Holds a node's lock while the block runs. Without a lock to be had, the work goes on."""
    path = _folder(config) / f"{run_id}.{node_id}"
    file = _locked(path)
    try:
        yield
    finally:
        if file is not None:
            if not _deadline(path):  # another task goes on with the node
                path.unlink(missing_ok=True)
            file.close()


def goes_on(config: Config, run_id: str, node_id: str, seconds: float) -> None:
    """Says that a node is at work after this process, in a task that holds no lock.

    Args:
      config: of the run.
      run_id: the run.
      node_id: the node; `at_work` with it is entered.
      seconds: how long that task may take at most.
    """
    path = _folder(config) / f"{run_id}.{node_id}"
    with contextlib.suppress(OSError):
        path.write_text(f"{time.time() + seconds:.0f}", encoding="ascii")


def comes_back(config: Config, run_id: str, node_id: str) -> None:
    """Takes `goes_on` back, in the task that goes on with the node; `at_work` is entered."""
    path = _folder(config) / f"{run_id}.{node_id}"
    with contextlib.suppress(OSError):
        path.write_text("", encoding="ascii")


def close_lost(config: Config, run_id: str) -> list[str]:
    """Records the end of nodes of other runs that died, and removes what they half wrote.

    Args:
      config: of this run.
      run_id: this run; all of it but the exit task has ended, and so its files go.

    Returns:
      `<run>.<node>` of each.
    """
    found = []
    for path in sorted(_folder(config).glob("*.*")):
        lost_run, _, node_id = path.name.partition(".")
        if lost_run == run_id:
            path.unlink(missing_ok=True)
            continue
        with contextlib.suppress(OSError), path.open("r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an OSError where it is held
            if _deadline(path) > time.time():
                continue
            which = None if node_id == EXIT_NODE else node_id
            if abandon(config, lost_run, LOST, ErrorKind.INTERRUPTED, which):
                logging.warning("run %s: %s %s", lost_run, node_id, LOST)
                found.append(path.name)
            path.unlink(missing_ok=True)
    return found


def _locked(path: Path) -> IO[str] | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="ascii")
    except OSError as error:
        logging.warning("%s cannot be made, so that no run would notice a death: %s", path, error)
        return None
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() < deadline and isinstance(error, BlockingIOError):
                time.sleep(0.05)
                continue
            logging.warning("%s cannot be locked: %s", path, error)
            file.close()
            return None
        return file


def _deadline(path: Path) -> float:
    """When a node that goes on elsewhere counts as dead; 0 for one that does not."""
    try:
        return float(path.read_text(encoding="ascii") or 0)
    except (OSError, ValueError):
        return 0.0


def _folder(config: Config) -> Path:
    return Path(config.output.pipeline_root(config.pipeline.name)) / FOLDER
