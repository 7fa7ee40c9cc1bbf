"""Threads share the arenas of the C library, where it has any."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

THREADS = 6
PROGRAM = f"""
import ctypes, threading
from taxiway.process.memory import few_arenas
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
if KNOWN:
    print(few_arenas())
all_are_here = threading.Barrier({THREADS})
def allocate():
    all_are_here.wait()
    libc.malloc(1000)
    all_are_here.wait()
threads = [threading.Thread(target=allocate) for _ in range({THREADS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_stats()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
@pytest.mark.parametrize("known", [False, True])
def test_threads_share_two_arenas(known: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("KNOWN", str(known))],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ("True\n" if known else "")
    assert (done.stderr.count("Arena ") <= 2) == known
