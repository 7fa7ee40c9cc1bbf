"""What a stretch of work costs: CPU seconds and memory of this process and of those it started.

CPU time is exact: the kernel counts it for a process and hands a child's on to whoever waits for
it, and of those that live /proc says it. Memory is looked at five times a second, since the kernel
keeps peaks for the life of a process only. Where there is no /proc, as on macOS, children count
when they have ended, and memory is that of this process alone.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CPU_PROPERTY: Final = "cpu_seconds"
"""A custom property of executions: see Usage."""
MEMORY_PROPERTY: Final = "peak_memory_bytes"
"""Likewise."""
PACE_SECONDS: Final = 0.2
_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_UTIME: Final = 11
"""Fields of /proc/<pid>/stat behind the name: utime, stime, cutime and cstime; and rss later."""
_RSS: Final = 21


@dataclass
class Usage:
    """Of this process and all below it."""

    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    """The largest sum that was seen of what each has in memory; what they share counts for each."""


@contextmanager
def measured(pace_seconds: float = PACE_SECONDS) -> Iterator[Usage]:
    """What the block costs, in the value that it gets, once it has ended.

    Args:
      pace_seconds: between two looks at the memory.
    """
    usage = Usage()
    ended = threading.Event()
    before_cpu, before_peak = _cpu_seconds(), _own_peak()

    def watch() -> None:
        while not ended.wait(pace_seconds):
            usage.peak_memory_bytes = max(usage.peak_memory_bytes, _memory_bytes())

    watcher = threading.Thread(target=watch, name="usage", daemon=True)
    watcher.start()
    try:
        yield usage
    finally:
        ended.set()
        watcher.join()
        usage.cpu_seconds = max(0.0, _cpu_seconds() - before_cpu)
        peak = _own_peak()
        risen = peak if peak > before_peak else 0
        usage.peak_memory_bytes = max(usage.peak_memory_bytes, _memory_bytes(), risen)


def _cpu_seconds() -> float:
    """Of this process, of its children that it has waited for, and of those that live."""
    ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    total = sum(one.ru_utime + one.ru_stime for one in ended)
    for pid in _descendants(os.getpid()):
        times = _stat(pid)[_UTIME : _UTIME + 4]
        total += sum(map(int, times)) / _TICKS
    return total


def _memory_bytes() -> int:
    """What this process and all below it have in memory now; 0 where that cannot be known."""
    pids = (os.getpid(), *_descendants(os.getpid()))
    return sum(int(one[_RSS]) * _PAGE for one in map(_stat, pids) if one)


def _own_peak() -> int:
    """Of this process alone, in all its life."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else kilobytes * 1024


def _descendants(pid: int) -> list[int]:
    """Processes below one, as far as they are still there."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for thread in _threads(waiting.pop()):
            try:
                children = (thread / "children").read_text(encoding="ascii").split()
            except OSError:  # it has ended meanwhile
                continue
            found += map(int, children)
            waiting += map(int, children)
    return found


def _threads(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def _stat(pid: int) -> list[str]:
    """Fields of a process behind its name, which may hold anything; none where it has ended."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
