"""Landlock: a process gives up, for good, all files but those that it names. No privileges needed.

Linux has it since 5.13, where the distribution turned it on. Each version of its interface (ABI)
knows more rights; what the kernel does not know cannot be given up, and is left out. The numbers
are those of linux/landlock.h, and the system calls have the same on every architecture.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG = 1 << 7, 1 << 8
_TRUNCATE: Final = 1 << 14
# Of all rights on files, how many the versions know: up to MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV.
_FILE_RIGHTS: Final = ((5, 16), (3, 15), (2, 14), (1, 13))
_NETWORK_SINCE, _TCP = 4, 0b11  # bind, connect
_SCOPES_SINCE, _ABSTRACT_SOCKETS_AND_SIGNALS = 6, 0b11

_READ: Final = _READ_FILE | _READ_DIR
_WRITE: Final = _READ | _WRITE_FILE | _TRUNCATE | _MAKE_DIR | _MAKE_REG | _REMOVE_DIR | _REMOVE_FILE
_OF_FILES: Final = _READ_FILE | _WRITE_FILE | _TRUNCATE


def abi() -> int:
    """The kernel's version of Landlock; 0 where it has none or has it turned off."""
    return max(0, _call(_CREATE_RULESET, None, 0, _VERSION))


def keep_only(readable: Iterable[Path], writable: Iterable[Path], version: int) -> None:
    """Leaves this thread, and those it will start, nothing but these files and what is below them.

    Where the kernel knows how, TCP, abstract sockets and signals to other processes go too.
    `no_new_privs` must be set. What is open stays open, and a path that is missing is left out.

    Args:
      readable: files and folders that may be read.
      writable: folders in which files may be made, read, written and removed.
      version: what `abi` gave, or less.

    Raises:
      OSError: the kernel refused.
    """
    known = (1 << next(count for since, count in _FILE_RIGHTS if version >= since)) - 1
    given_up = [known]
    if version >= _NETWORK_SINCE:
        given_up.append(_TCP)
    if version >= _SCOPES_SINCE:
        given_up.append(_ABSTRACT_SOCKETS_AND_SIGNALS)
    rules = struct.pack(f"={len(given_up)}Q", *given_up)
    ruleset = _checked(_call(_CREATE_RULESET, rules, len(rules), 0), "create_ruleset")
    try:
        for path in readable:
            _allow(ruleset, path, _READ & known)
        for path in writable:
            _allow(ruleset, path, _WRITE & known)
        _checked(_call(_RESTRICT_SELF, ruleset, 0), "restrict_self")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        of_this = rights if path.is_dir() else rights & _OF_FILES
        beneath = struct.pack("=Qi", of_this, descriptor)
        _checked(_call(_ADD_RULE, ruleset, _PATH_BENEATH, beneath, 0), "add_rule")
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    converted = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result: int = ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *converted)
    return result


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        name = errno.errorcode.get(code, str(code))
        raise OSError(code, f"landlock_{what}: {name}, {os.strerror(code)}")
    return result
