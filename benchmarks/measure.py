"""Measures a run from inside its process: time, CPU and memory, of it and all it starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import psutil

from benchmarks.records import NodeRun

INTERVAL_SECONDS: Final = 0.5
PSS_EVERY: Final = 4
"""Reading PSS walks the page tables, so only each fourth sample, and each end of a node, does."""


@dataclass(frozen=True)
class Sample:
    """Memory of the process tree at a moment, in bytes; `pss` is None where it was not read."""

    moment: float
    rss: int
    pss: int | None


@dataclass(frozen=True)
class _Span:
    node: str
    start: float
    end: float
    cpu_seconds: float


def cpu_seconds() -> float:
    """CPU of this process and all that it started, whether they still run or have been waited for.

    A process that has ended is in its parent's `children` times from then on, so that the sum
    over the tree loses nothing between two moments.
    """
    total = 0.0
    for process in _tree():
        try:
            times = process.cpu_times()
        except psutil.Error:  # it ended in between; its parent has its times
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory(moment: float, with_pss: bool) -> Sample:
    """Memory of this process and all that it started."""
    rss, pss = 0, 0
    known = with_pss
    for process in _tree():
        try:
            if known:
                full = process.memory_full_info()
                rss += full.rss
                known = hasattr(full, "pss")
                pss += getattr(full, "pss", 0)
            else:
                rss += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            known = False
    return Sample(moment, rss, pss if known else None)


def _busy_seconds() -> float:
    """CPU that the whole machine has spent, what a host took away included."""
    times = psutil.cpu_times()
    names = ("user", "nice", "system", "irq", "softirq", "steal")
    return float(sum(getattr(times, name, 0.0) for name in names))


def _tree() -> list[psutil.Process]:
    own = psutil.Process()
    return [own, *own.children(recursive=True)]


@dataclass
class Recorder:
    """Told when nodes start and end; samples memory in a thread from `with` to its end.

    Nodes may overlap and may be reported from any thread.

    Args:
      started: when the process was started, as `time.time()` gives it.
    """

    started: float
    samples: list[Sample] = field(default_factory=list)
    sampling_seconds: float = 0.0
    seconds: float = 0.0
    cpu: float = 0.0
    other_cpu: float = 0.0
    _busy_before: float = 0.0
    _open: dict[str, tuple[float, float]] = field(default_factory=dict)
    _spans: list[_Span] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Recorder:
        self._busy_before = _busy_seconds() - cpu_seconds()
        self._thread = threading.Thread(target=self._sample, name="sampler", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.cpu = self._now(), cpu_seconds()
        self.other_cpu = max(0.0, _busy_seconds() - self.cpu - self._busy_before)
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def start(self, node: str) -> None:
        """A node begins."""
        sample, cpu = memory(self._now(), with_pss=False), cpu_seconds()
        with self._lock:
            self.samples.append(sample)
            self._open[node] = (self._now(), cpu)

    def end(self, node: str) -> None:
        """A node has done its work."""
        moment, cpu = self._now(), cpu_seconds()
        sample = memory(moment, with_pss=True)
        with self._lock:
            self.samples.append(sample)
            start, cpu_before = self._open.pop(node)
            self._spans.append(_Span(node, start, moment, cpu - cpu_before))

    def nodes(self) -> list[NodeRun]:
        """All nodes that have ended, in the order of their starts."""
        with self._lock:
            spans, samples = list(self._spans), list(self.samples)
        spans.sort(key=lambda span: span.start)
        return [_node_run(span, spans, samples) for span in spans]

    def peak(self) -> tuple[int, int | None]:
        """The most memory of the run: RSS and PSS."""
        with self._lock:
            return _peak(self.samples)

    def _now(self) -> float:
        return time.time() - self.started

    def _sample(self) -> None:
        number = 0
        while not self._stop.wait(INTERVAL_SECONDS):
            sample = memory(self._now(), with_pss=number % PSS_EVERY == 0)
            number += 1
            with self._lock:
                self.samples.append(sample)
        self.sampling_seconds = time.thread_time()


def _node_run(span: _Span, spans: Sequence[_Span], samples: Sequence[Sample]) -> NodeRun:
    inside = [sample for sample in samples if span.start <= sample.moment <= span.end]
    rss, pss = _peak(inside)
    others = (other for other in spans if other is not span)
    return NodeRun(
        node=span.node,
        start=round(span.start, 3),
        seconds=round(span.end - span.start, 3),
        cpu_seconds=round(span.cpu_seconds, 2),
        shared=any(other.start < span.end and span.start < other.end for other in others),
        peak_rss=rss,
        peak_pss=pss,
    )


def _peak(samples: Sequence[Sample]) -> tuple[int, int | None]:
    known = [sample.pss for sample in samples if sample.pss is not None]
    return max((sample.rss for sample in samples), default=0), max(known, default=None)
