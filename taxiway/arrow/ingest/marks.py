"""What tells one state of an input file from another without reading it.

Size and time of modification are not enough: whoever rewrites a file in place can restore both,
and `touch -r` or `rsync --times` do. The time of change is the kernel's own and cannot be set. It
ticks, so two changes within a tick look alike: `settle` waits until no file is that young.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

TICK_NS: Final = 20_000_000
"""The kernel's clock for files ticks every 1 to 10 ms."""
SECOND_NS: Final = 1_000_000_000
MOUNTS: Final = Path("/proc/self/mountinfo")
FLEETING_INODES: Final = ("fuse", "cifs", "smb", "9p", "virtiofs")
"""File systems that may give a file another inode number while nothing has changed."""


def marks_of(found: os.stat_result) -> str:
    """Of a local file: size, times of modification and of change, and the inode if that lasts."""
    inode = 0 if _is_fleeting(found.st_dev) else found.st_ino
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {inode}"


def remote_marks(path: str) -> tuple[str, int]:
    """The same of a file that TensorFlow opens, as far as it knows, and the size in bytes."""
    import tensorflow as tf

    found: Any = tf.io.gfile.stat(path)
    return f"{found.length} {found.mtime_nsec}", int(found.length)


def settle(found: Sequence[os.stat_result]) -> None:
    """Waits until a change from now on shows in the time of change: at most a second."""
    if not found:
        return
    newest = max(one.st_ctime_ns for one in found)
    has_whole_seconds = all(one.st_ctime_ns % SECOND_NS == 0 for one in found)
    tick = SECOND_NS if has_whole_seconds else TICK_NS
    age = time.time_ns() - newest
    if 0 <= age < tick:
        time.sleep((tick - age) / SECOND_NS)


def _is_fleeting(device: int) -> bool:
    return _file_systems().get(device, "").startswith(FLEETING_INODES)


@lru_cache(maxsize=1)
def _file_systems() -> dict[int, str]:
    """The kind of file system on each device, from Linux's table of mounts."""
    kinds = {}
    try:
        with MOUNTS.open(encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                before, _, after = line.partition(" - ")
                major, _, minor = before.split()[2].partition(":")
                kinds[os.makedev(int(major), int(minor))] = after.split()[0]
    except (OSError, ValueError, IndexError):
        return {}
    return kinds
