"""What shards are mapped to in tests. Workers import it by name, so it is no part of `tests`."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from taxiway.errors import DataError
from taxiway.process.progress import rows_read
from taxiway.workers.job import Shard


def begun(folder: str, shard: Shard) -> int:
    """Notes that work on a shard has begun, and by which process; how often it has by now."""
    (Path(folder) / f"{shard.first}.{os.getpid()}.{uuid.uuid4().hex}").touch()
    return len(list(Path(folder).glob(f"{shard.first}.*")))


def named(folder: str, shard: Shard) -> bytes:
    """The shard's number; later ones are done first."""
    begun(folder, shard)
    time.sleep(0.05 * max(0, 4 - shard.first))
    return f"{shard.first},".encode()


def quick(folder: str, shard: Shard) -> bytes:
    """The shard's number."""
    begun(folder, shard)
    return f"{shard.first},".encode()


def reading(folder: str, shard: Shard) -> bytes:
    """The shard's number, after 1,000 rows that take longer than a listener waits."""
    times = begun(folder, shard)
    for _ in range(2):
        time.sleep(0.3)
        rows_read(500)
    if shard.first == 1 and times == 1:
        raise ConnectionResetError("reset by peer")
    return f"{shard.first},".encode()


def large(folder: str, shard: Shard) -> bytes:
    """Some megabytes, or nothing for every second shard."""
    begun(folder, shard)
    return b"" if shard.first % 2 else bytes([shard.first]) * (5 << 20)


def process(folder: str, shard: Shard) -> bytes:
    """Which process works."""
    begun(folder, shard)
    return f"{os.getpid()},".encode()


def bad_data(folder: str, shard: Shard) -> bytes:
    """Shard 1 cannot be read; the others are not done before a long time."""
    begun(folder, shard)
    if shard.first == 1:
        raise DataError(f"{shard} cannot be read", edit="data.root")
    time.sleep(60)
    return b""


def held(folder: str, gate: str, ready: Sequence[int], shard: Shard) -> bytes:
    """The shard's number; those that are not ready are not done before a file is there."""
    begun(folder, shard)
    until = time.monotonic() + 60
    while shard.first not in ready and not Path(gate).exists() and time.monotonic() < until:
        time.sleep(0.02)
    return f"{shard.first},".encode()


class Odd(Exception):  # noqa: N818  # as odd as it gets
    """An error that cannot be pickled, nor be made from its arguments."""

    def __init__(self, one: str, other: object) -> None:
        super().__init__(one)
        self.other = lambda: other


def trouble(folder: str, how: str, times: int, shard: Shard) -> bytes:
    """As `named`, but shard 1 comes to grief at its first so many times."""
    if begun(folder, shard) <= times and shard.first == 1:
        HOW[how]()
    return f"{shard.first},".encode()


def _raise() -> None:
    raise ValueError("first line\nsecond line")


def _raise_odd() -> None:
    raise Odd("odd error", object())


def _raise_reset() -> None:
    raise ConnectionResetError("reset by peer")


class OddReset(Odd, ConnectionError):  # noqa: N818  # as above
    """One that another try may mend."""


def _raise_odd_reset() -> None:
    raise OddReset("odd reset", object())


def _raise_framed() -> None:
    """As TensorFlow tells what went wrong in a graph."""
    raise RuntimeError(
        "Graph execution error:\n\nDetected at node A defined at (most recent call last):\n"
        '  File "/a.py", line 8, in f\n\ncould not convert string: abc\n\t [[{{node A}}]]'
    )


def _raise_no_such_file() -> None:
    Path("/none/such").read_bytes()


def _raise_arrow() -> None:
    import pyarrow as pa

    pa.array([1.5]).cast(pa.int32())


def _raise_timeout() -> None:
    raise TimeoutError("the database did not answer")


def _kill_node() -> None:
    from distributed import get_worker

    assert get_worker().nanny, "any other process group might be that of the tests"
    os.killpg(0, signal.SIGKILL)


HOW: dict[str, Callable[[], object]] = {
    "error": _raise,
    "odd error": _raise_odd,
    "its own timeout": _raise_timeout,
    "a reset": _raise_reset,
    "an odd reset": _raise_odd_reset,
    "a graph's error": _raise_framed,
    "a missing file": _raise_no_such_file,
    "Arrow's invalid": _raise_arrow,
    "sys.exit": lambda: sys.exit(3),
    "exit 1": lambda: os._exit(1),
    "exit 0": lambda: os._exit(0),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGSEGV": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "the node's death": _kill_node,
    "slow": lambda: time.sleep(60),
    "frozen": lambda: os.kill(os.getpid(), signal.SIGSTOP),
}


def joined(parts: Sequence[bytes]) -> bytes:
    """All parts, in order."""
    return b"".join(parts)


def joined_by(parts: Sequence[bytes]) -> bytes:
    """All parts, and the process that merges."""
    return b"".join(parts) + str(os.getpid()).encode()


def joined_in_trouble(folder: str, how: str, times: int, parts: Sequence[bytes]) -> bytes:
    """As `joined`, but comes to grief at its first so many times."""
    if begun(folder, Shard("merge", 99)) <= times:
        HOW[how]()
    return b"".join(parts)
