"""A long time at half of the peak: what fails, whether memory grows, what the log has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import psutil
import pyarrow.parquet as pq

from benchmarks.serving.clients.http import ask, ask_and_tell, post
from benchmarks.serving.clients.told import Counts
from benchmarks.serving.site import NAME, Gateway
from taxiway.serving.decisions.layout import parts
from taxiway.serving.decisions.parquet.tables import GATEWAY, SEQUENCE

CLIENTS: Final = 32
PEAK_SECONDS: Final = 10.0
"""For which the peak is measured, before."""
SAMPLES: Final = 120
"""Of memory, over the whole time."""
WORKER: Final = "taxiway.serving.worker"


@dataclass
class Soak:
    """What came of it.

    Args:
      peak: requests a second that were answered at the peak.
      before: requests that were answered while it was measured.
      counts: of the requests after that, at half of it.
      memory: by process, resident bytes at each of some times.
      times: of these, in seconds since the start.
    """

    peak: float = 0.0
    before: int = 0
    counts: Counts = field(default_factory=Counts)
    memory: dict[str, list[int]] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)

    def growth(self, process: str) -> float:
        """Share of its memory by which a process has grown over the second half.

        By the slope of a line through what was measured then, so that one breath is not taken for
        a leak.
        """
        half = len(self.times) // 2
        times, bytes_ = np.array(self.times[half:]), np.array(self.memory[process][half:], float)
        slope = np.polyfit(times - times[0], bytes_, 1)[0]
        return float(slope * (times[-1] - times[0]) / bytes_.mean())


async def soak(server: Gateway, path: str, body: bytes, seconds: float) -> Soak:
    """Finds the peak, and asks for half of it so long.

    Args:
      server: with one model, whose version has all traffic.
      path: of the requests.
      body: of each, one row.
      seconds: of the time at half of the peak.
    """
    found = Soak()
    ends = time.monotonic() + PEAK_SECONDS
    peak = await ask([server.port], path, body, lambda: time.monotonic() > ends, CLIENTS)
    found.peak, found.before = peak.per_second, len(peak.answers)
    found.counts.failed.update(peak.failed)
    del peak
    started = time.monotonic()
    asking = asyncio.create_task(
        ask_and_tell(
            [server.port],
            post(path, body),
            lambda: time.monotonic() > started + seconds,
            found.counts,
            CLIENTS,
            found.peak / 2,
        )
    )
    while not asking.done():
        found.times.append(time.monotonic() - started)
        for name, process in processes(server).items():
            found.memory.setdefault(name, []).append(process.memory_info().rss)
        await asyncio.wait([asking], timeout=seconds / SAMPLES)
    await asking
    return found


def processes(server: Gateway) -> dict[str, psutil.Process]:
    """The gateway's, and that which has the model, which is the greatest of the worker's."""
    gateway = psutil.Process(server.process.pid)
    workers = [one for one in gateway.children(recursive=True) if WORKER in _command(one)]
    return {"gateway": gateway, "worker": max(workers, key=lambda one: one.memory_info().rss)}


def logged(root: Path) -> tuple[int, Sequence[str]]:
    """How many decisions a log has, and what is wrong with it.

    Each request has a number in its gateway's log, one after the other, and each has one row.

    Args:
      root: of the log of gateways that have ended.
    """
    rows, wrong = 0, []
    by_gateway: dict[str, list[npt.NDArray[np.int64]]] = {}
    for file in parts(root / NAME):
        table = pq.ParquetFile(file).read([GATEWAY, SEQUENCE])
        rows += table.num_rows
        (gateway,) = table[GATEWAY].unique().to_pylist()  # a file is one gateway's
        by_gateway.setdefault(gateway, []).append(table[SEQUENCE].to_numpy())
    for gateway, found in by_gateway.items():
        numbers = np.sort(np.concatenate(found))
        steps = np.diff(numbers)
        if (steps != 1).any():
            wrong.append(f"{gateway}: {int((steps != 1).sum())} gaps or repetitions")
    return rows, wrong


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def told(found: Soak) -> Iterator[str]:
    """In words."""
    yield f"peak {found.peak:,.0f} requests/s; {found.counts.answers:,} at half of it"
    yield f"failed: {sum(found.counts.failed.values())}; slowest {found.counts.slowest:.3f} s"
    for name, values in found.memory.items():
        first, last = values[len(values) // 2] / 2**20, values[-1] / 2**20
        growth = f"{found.growth(name):+.2%} by its slope"
        yield f"{name}: {first:.1f} to {last:.1f} MiB in the second half, {growth}"
