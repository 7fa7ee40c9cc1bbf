"""Whether a process of this machine is still there."""

from __future__ import annotations

import os


def is_alive(pid: int) -> bool:
    """Whether some process has this id; True where that cannot be known."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's; or no id of this system
        return True
    return True
