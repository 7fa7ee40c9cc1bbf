"""Keeps down the memory that a process of many short-lived threads holds on to."""

from __future__ import annotations

import ctypes
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
