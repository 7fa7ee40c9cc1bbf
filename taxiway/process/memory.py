"""Keeps down the memory that a process holds on to: of threads that are gone, and of a GPU."""

from __future__ import annotations

import ctypes
import os
from typing import Final

M_ARENA_MAX: Final = -8
"""glibc's number for the option (malloc.h)."""
ARENAS: Final = 2


def few_arenas() -> bool:
    """Has threads share two of glibc's arenas, in place of up to eight for each core.

    What a thread frees stays in its arena, and Beam, TensorFlow and Arrow start dozens of threads.

    Returns:
      Whether this C library knows of arenas; another is left as it is.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS))
    except (AttributeError, OSError):
        return False


def share_gpu() -> None:
    """Has TensorFlow take a GPU's memory as it needs it, in this process and those it starts.

    By default it takes all of it, so that of two processes on a GPU one fails: a run, and the model
    worker that it starts. Before TensorFlow looks for GPUs; a value that is there stays.
    """
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
