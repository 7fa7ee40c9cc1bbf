"""The filter of system calls, run on paper: for both architectures, on whichever this is."""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence

import pytest

from taxiway.serving.worker import seccomp

PID = 4321
ALLOWED = 0x7FFF0000
EPERM, ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
MACHINES = [(0xC000003E, 0), (0xC00000B7, 1)]


def verdict(code: bytes, machine: int, number: int, arguments: Sequence[int] = ()) -> int:
    """What the kernel would say: the few instructions that the filter has, one after another."""
    filled = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, machine, 0, *filled)
    lines = list(struct.iter_unpack("=HBBI", code))
    at = accumulator = 0
    while True:
        operation, true, false, value = lines[at]
        at += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
        elif operation == 0x06:
            return int(value)
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: accumulator & value,
            }
            at += true if holds[operation] else false


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_each_call_of_the_table_is_refused_and_others_are_not(machine: int, column: int) -> None:
    code = seccomp._program(machine, column, PID)
    numbers = {name: both[column] for name, both in seccomp._REFUSED.items() if both[column] >= 0}
    assert {verdict(code, machine, number) for number in numbers.values()} == {EPERM}
    assert len(set(numbers.values())) == len(numbers)
    special = {seccomp._CLONE[column], seccomp._CLONE3[column], seccomp._IOCTL[column]}
    special |= {both[column] for both in seccomp._ON_ITSELF.values()}
    assert not special & set(numbers.values())
    others = set(range(470)) - set(numbers.values()) - special
    assert {verdict(code, machine, number) for number in others} == {ALLOWED}
    assert verdict(code, machine, seccomp._CLONE3[column]) == ENOSYS


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_threads_may_be_started_and_processes_not(machine: int, column: int) -> None:
    code = seccomp._program(machine, column, PID)
    clone = seccomp._CLONE[column]
    assert verdict(code, machine, clone, [0x003D0F00]) == ALLOWED  # as pthread_create asks
    assert verdict(code, machine, clone, [0x01200011]) == EPERM  # as fork does


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_only_the_process_itself_is_signalled_and_limited(machine: int, column: int) -> None:
    code = seccomp._program(machine, column, PID)
    for name, both in seccomp._ON_ITSELF.items():
        assert verdict(code, machine, both[column], [PID]) == ALLOWED
        assert verdict(code, machine, both[column], [1]) == EPERM
        itself = ALLOWED if name == "prlimit64" else EPERM  # where 0 is a process group
        assert verdict(code, machine, both[column], [0]) == itself


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_nothing_is_typed_into_a_terminal(machine: int, column: int) -> None:
    code = seccomp._program(machine, column, PID)
    for request, expected in [(0x5412, EPERM), (0x541C, EPERM), (0x5401, ALLOWED)]:
        assert verdict(code, machine, seccomp._IOCTL[column], [1, request]) == expected


def test_calls_of_other_architectures_are_refused() -> None:
    code = seccomp._program(*MACHINES[0], PID)
    assert verdict(code, 0x40000003, 1) == EPERM  # of 32 bits
    assert verdict(code, MACHINES[0][0], 0x40000000 | 59) == EPERM  # x32


def test_an_architecture_without_a_table_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(OSError, match="system calls of riscv64 are not known") as caught:
        seccomp.refuse_system_calls()
    assert caught.value.strerror == (
        "system calls of riscv64 are not known, only those of x86_64, aarch64"
    )
