"""System calls that a model worker does without, refused by the kernel from here on.

TensorFlow calls what it likes as it computes, so this is a list of what is refused, not of what is
allowed: other processes and programs, sockets, mounts, the kernel's own workings, and rights of
files, which Landlock does not look at. The filter is classic BPF (linux/filter.h): it compares the
number of the system call, and for some their first arguments.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping
from typing import Final

_SET_MODE_FILTER: Final = 1
_SPEC_ALLOW: Final = 1 << 2
"""Without it, kernels before 5.16 slow the whole process by their guard against Spectre v4."""

# machine -> (AUDIT_ARCH, number of seccomp(2), column of _NUMBERS)
_MACHINES: Final[Mapping[str, tuple[int, int, int]]] = {
    "x86_64": (0xC000003E, 317, 0),
    "aarch64": (0xC00000B7, 277, 1),
}
_NONE: Final = -1  # the architecture has no such call

# name -> numbers on x86_64 and aarch64
_REFUSED: Final[Mapping[str, tuple[int, int]]] = {
    # other processes and programs
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, _NONE), "vfork": (58, _NONE),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272),
    "move_pages": (279, 239), "migrate_pages": (256, 238),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    # sockets; the worker's own is open, and takes connections
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41),
    "mount": (165, 40), "umount2": (166, 39), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # rights and times of files
    "chmod": (90, _NONE), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, _NONE), "lchown": (94, _NONE), "fchown": (93, 55), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "utime": (132, _NONE), "utimes": (235, _NONE), "futimesat": (261, _NONE),
    "utimensat": (280, 88),
    # the kernel's own workings
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "syslog": (103, 116), "personality": (135, 92),
    "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
}  # fmt: skip
_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)
_IOCTL: Final = (16, 29)
# allowed on this process only
_ON_ITSELF: Final[Mapping[str, tuple[int, int]]] = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "prlimit64": (302, 261),
}

_CLONE_THREAD: Final = 0x00010000
_TYPING: Final = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX, which type into a terminal
_X32: Final = 0x40000000
_ARCH_AT, _NUMBER_AT, _ARGUMENTS_AT = 4, 0, 16

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def refuse_system_calls() -> None:
    """Puts the filter on this thread and on those that it will start, for good.

    Raises:
      OSError: the kernel refused, or this architecture is not known here.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(
            errno.ENOSYS, f"system calls of {platform.machine()} are not known, only those of "
            f"{', '.join(_MACHINES)}"
        )  # fmt: skip
    architecture, seccomp, column = machine
    code = _program(architecture, column, os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    system = ctypes.CDLL(None, use_errno=True)
    for flags in (_SPEC_ALLOW, 0):  # which Linux before 4.17 does not know
        arguments = (seccomp, _SET_MODE_FILTER, flags)
        if system.syscall(*map(ctypes.c_long, arguments), ctypes.byref(program)) == 0:
            return
    number = ctypes.get_errno()
    name = errno.errorcode.get(number, str(number))
    raise OSError(number, f"seccomp: {name}, {os.strerror(number)}")


def _program(architecture: int, column: int, pid: int) -> bytes:
    """The filter; jumps count the instructions that they leave out."""
    lines = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, architecture),
        _fail(errno.EPERM),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if architecture == _MACHINES["x86_64"][0]:
        lines += [(_AT_LEAST, 0, 1, _X32), _fail(errno.EPERM)]
    for numbers in _REFUSED.values():
        if numbers[column] != _NONE:
            lines += [(_EQUAL, 0, 1, numbers[column]), _fail(errno.EPERM)]
    # its flags are in memory, where no filter looks; the C library then takes clone
    lines += [(_EQUAL, 0, 1, _CLONE3[column]), _fail(errno.ENOSYS)]
    lines += _if_call(
        _CLONE[column],
        [_argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), _fail(errno.EPERM), _allow()],
    )
    for numbers in _ON_ITSELF.values():
        lines += _if_call(
            numbers[column],
            [
                _argument(0),
                (_EQUAL, 2, 0, pid),
                (_EQUAL, 1, 0, 0 if numbers == _ON_ITSELF["prlimit64"] else pid),
                _fail(errno.EPERM),
                _allow(),
            ],
        )
    lines += _if_call(
        _IOCTL[column],
        [
            _argument(1),
            (_EQUAL, 1, 0, _TYPING[0]),
            (_EQUAL, 0, 1, _TYPING[1]),
            _fail(errno.EPERM),
            _allow(),
        ],
    )
    lines.append(_allow())
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


_Line = tuple[int, int, int, int]


def _if_call(number: int, lines: list[_Line]) -> list[_Line]:
    return [(_EQUAL, 0, len(lines), number), *lines]


def _argument(index: int) -> _Line:
    """Its lower half, on these little-endian machines; what is compared here is an int in C."""
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)


def _fail(code: int) -> _Line:
    return (_RETURN, 0, 0, _FAIL | code)


def _allow() -> _Line:
    return (_RETURN, 0, 0, _ALLOW)
