"""What a model worker may not do: reach files, a network, or other processes, or take too much.

The worker closes all of it on itself before it reads the model, and says what the system refused.
Nothing of it needs privileges, and what one part leaves open another closes: where there is no
network namespace no socket can be made, where a file can be read by its owner Landlock hides it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib.util
import os
import resource
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import taxiway
from taxiway.serving.worker import landlock
from taxiway.serving.worker.seccomp import refuse_system_calls

Control = Literal["files", "network", "privileges", "system calls"]
CONTROLS: Final[tuple[Control, ...]] = ("files", "network", "privileges", "system calls")
"""What an isolated worker is kept from, each by the kernel."""

MOST_THREADS: Final = 512
"""Beyond what this user has already, where the system counts them."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_OPEN_FILES = 1024
_LOG_BYTES = 64 * 2**20
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _CLEAR_ALL = 24, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64

# What libraries read as they are loaded, and TensorFlow to learn of processors and memory. Of /proc
# no more than that and the process's own: not the environment of who started it.
_OF_THE_SYSTEM: Final = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/nix/store",
    "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo",
    "/dev/zero", "/dev/urandom", "/dev/random",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems",
    "/proc/sys/vm/overcommit_memory", "/proc/driver",
    "/sys/devices/system/cpu", "/sys/devices/system/node",
)  # fmt: skip


def close(model: Path, temporary: Path) -> dict[Control, str]:
    """Closes the sandbox on this process, which must have no other thread yet, for good.

    Args:
      model: the folder of the SavedModel; may be read.
      temporary: the one folder that may be written; without one TensorFlow does not import.

    Returns:
      Why a control does not hold, for each that the system refused; empty where all of them do.
    """
    missing: dict[Control, str] = {}
    readable = [*readable_paths(), model]  # found while all can still be read
    network = _leave_network()
    _limit_threads()
    privileges = _keep_no_privileges()
    files = _leave_files(readable, [temporary, Path(os.devnull)])
    dropped = _drop_capabilities()
    if files:
        missing["files"] = files
    if privileges or dropped:
        missing["privileges"] = privileges or dropped
    try:
        refuse_system_calls()
    except OSError as error:
        missing["system calls"] = _told(error)
        if network:
            missing["network"] = network  # else no socket can be made
    return missing


def readable_paths() -> list[Path]:
    """Where Python, its packages, this one and the system's libraries are."""
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    places.update(_OF_THE_SYSTEM)
    places.update(filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)))
    # Not the folder above: in a checkout it has data and metadata too.
    paths = [Path(place) for place in taxiway.__path__]
    for package in ("tensorflow", "numpy", "google"):
        spec = importlib.util.find_spec(package)
        paths += [Path(place).parent for place in (spec and spec.submodule_search_locations) or ()]
    return [*paths, *map(Path, sorted(places))]


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


def allow_processor_time(seconds: float) -> None:
    """Lets this process use so much more, of all cores together; then SIGXCPU ends it.

    A worker that serves for months uses much in all: what is bounded is how long it computes
    without an answer, so this is called anew for each request.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    bound = int(used.ru_utime + used.ru_stime + seconds) + 1
    if hard == resource.RLIM_INFINITY or bound < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (bound, hard))


def _leave_network() -> str:
    """Moves this process to a network namespace of its own, where not even loopback is up.

    Unix sockets with a path work across it. Gives why the system refused, or nothing.
    """
    # os.unshare exists only from Python 3.12
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is None:
        return "this system has no network namespaces"
    if unshare(_CLONE_NEWNET) == 0:
        return ""
    uid, gid = os.getuid(), os.getgid()
    if unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        _keep_identity(uid, gid)
        return ""
    code = ctypes.get_errno()
    return f"unshare: {errno.errorcode.get(code, code)}, {os.strerror(code)}"


def _leave_files(readable: Sequence[Path], writable: Sequence[Path]) -> str:
    version = landlock.abi()
    if version == 0:
        return "this kernel has no Landlock, or it is turned off"
    try:
        landlock.keep_only(readable, writable, version)
    except OSError as error:
        return _told(error)
    return ""


def _keep_no_privileges() -> str:
    """Neither a setuid program nor a file's capabilities give any right from here on."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _drop_capabilities() -> str:
    """All of them: those that hold, those that could be taken up, and those that are passed on."""
    _prctl(_PR_CAP_AMBIENT, _CLEAR_ALL)
    for capability in range(_MOST_CAPABILITIES):
        # What is no capability is refused, and so is who may not drop; then no_new_privs has to do.
        _prctl(_PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    system = ctypes.CDLL(None, use_errno=True)
    if system.capset(ctypes.byref(header), ctypes.byref(nothing)) == 0:
        return ""
    return f"capset: {os.strerror(ctypes.get_errno())}"


def _prctl(option: int, argument: int) -> str:
    system = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_ulong(one) for one in (argument, 0, 0, 0))
    if system.prctl(option, *arguments) == 0:
        return ""
    return f"prctl {option}: {os.strerror(ctypes.get_errno())}"


def _limit_threads() -> None:
    """The system counts those of all of a user's processes, and root's not at all."""
    with contextlib.suppress(OSError, ValueError):
        _lower(resource.RLIMIT_NPROC, sum(_threads_of(os.getuid())) + MOST_THREADS)


def _threads_of(user: int) -> Iterator[int]:
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and process.stat().st_uid == user:
                yield len(list((process / "task").iterdir()))


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


def _told(error: OSError) -> str:
    return error.strerror or str(error)
