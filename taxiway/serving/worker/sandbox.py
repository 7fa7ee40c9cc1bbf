"""What a model worker may not do: reach a network, or take more than its share of the machine."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
from pathlib import Path

NO_NETWORK = "none"
UNRESTRICTED = "unrestricted"

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_OPEN_FILES = 1024
_LOG_BYTES = 64 * 2**20


def leave_network() -> tuple[str, str]:
    """Moves this process to a network namespace of its own, where not even loopback is up.

    Unix sockets with a path work across it. To be called before any thread is started, since
    namespaces are left thread by thread.

    Returns:
      `("none", "")` where it worked, `("unrestricted", why)` where the system refuses.
    """
    # os.unshare exists only from Python 3.12
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is None:
        return UNRESTRICTED, "this system has no network namespaces"
    if unshare(_CLONE_NEWNET) == 0:
        return NO_NETWORK, ""
    uid, gid = os.getuid(), os.getgid()
    if unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        _keep_identity(uid, gid)
        return NO_NETWORK, ""
    code = ctypes.get_errno()
    return UNRESTRICTED, f"unshare: {errno.errorcode.get(code, code)}, {os.strerror(code)}"


def limit_resources(memory_limit_mb: int | None, *, log_limit: bool = False) -> None:
    """Bounds memory and open files, and forbids core dumps, for good.

    The memory bound is on the data segment: TensorFlow reserves far more address space than it
    uses, so that a bound on address space would be met at import.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if log_limit:
        _lower(resource.RLIMIT_FSIZE, _LOG_BYTES)
    if memory_limit_mb is not None:
        _lower(resource.RLIMIT_DATA, memory_limit_mb * 2**20)


def _keep_identity(uid: int, gid: int) -> None:
    """Maps this user to itself in the new user namespace; unmapped it would read as 'nobody'."""
    with contextlib.suppress(OSError):  # only a name is lost, and no right gained
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _lower(kind: int, limit: int) -> None:
    hard = resource.getrlimit(kind)[1]
    bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (bound, bound))
