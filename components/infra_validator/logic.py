"""The trial of an exported model: load it in a worker, send real requests, judge the answers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from taxiway.config.gates import InfraValidation
from taxiway.modeling.answers import find_fault
from taxiway.serving.worker.client import ModelWorker
from taxiway.serving.worker.errors import WorkerError
from taxiway.serving.worker.isolation import told


@dataclass(frozen=True)
class InfraResult:
    """What the trial found.

    Latencies are those of whole requests as the caller sees them, in milliseconds and linearly
    interpolated between requests; the warm-up is not among them. They are 0 where no request was
    answered.
    """

    blessed: bool
    reason: str
    """Why it was not blessed; empty where it was."""
    latency_p50_ms: float = 0.0
    latency_p95_ms: float = 0.0
    latency_p99_ms: float = 0.0
    requests: int = 0
    """Requests answered and judged, the warm-up not counted."""
    load_seconds: float = 0.0
    """How long the model took to load, TensorFlow's own start not counted."""
    isolation: str = ""
    """What held the worker in, such as `network: none, ..., memory: 4096 MB`."""
    missing: str = ""
    """What should have held it and did not, and why; empty where all did."""


@dataclass(frozen=True)
class _Trial:
    """Answered requests, and what was wrong with the first bad one."""

    latencies_ms: Sequence[float]
    fault: str


def validate(
    model: str | Path,
    examples: Sequence[bytes],
    config: InfraValidation,
    allowed_operations: Sequence[str] = (),
) -> InfraResult:
    """Tries a SavedModel with `config.requests` requests of `config.rows_per_request` rows.

    Args:
      model: the SavedModel's folder, on this machine.
      examples: serialized tf.Examples; used in order, and again from the first when they run out.
      config: how many requests, and the bounds they have to keep.
      allowed_operations: that the model may have besides those of the list.

    Returns:
      The finding. A model that does not load, crashes, is slow or answers nonsense is one that is
      not blessed: it raises nothing.
    """
    if not examples:
        return InfraResult(False, "the eval split has no rows to send")
    worker = ModelWorker(
        model,
        load_timeout_seconds=config.load_timeout_seconds,
        request_timeout_seconds=config.request_timeout_seconds,
        memory_limit_mb=config.memory_limit_mb,
        allowed_operations=allowed_operations,
        isolation=config.isolation,
    )
    try:
        with worker:
            trial = _try(worker, examples, config)
            load_seconds = worker.load_seconds
    except WorkerError as error:
        return InfraResult(False, _reason(error), missing=told(worker.missing))
    p50, p95, p99 = _percentiles(trial.latencies_ms)
    slow = p99 > config.latency_budget_ms
    too_slow = (
        f"the 99th percentile of latency is {p99:.1f} ms; "
        f"infra_validation.latency_budget_ms is {config.latency_budget_ms:g}"
    )
    reason = trial.fault or (too_slow if slow else "")
    return InfraResult(
        blessed=not reason,
        reason=reason,
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        latency_p99_ms=p99,
        requests=len(trial.latencies_ms),
        load_seconds=load_seconds,
        isolation=worker.isolation,
        missing=told(worker.missing),
    )


def _reason(error: WorkerError) -> str:
    return f"{error.message}; edit {error.edit}" if error.edit else error.message


def _try(worker: ModelWorker, examples: Sequence[bytes], config: InfraValidation) -> _Trial:
    """Sends the warm-up and the requests, and stops at the first fault.

    A fault that the worker raises is reported as any other: what was measured before is kept.
    """
    latencies: list[float] = []
    requests = _requests(examples, config.rows_per_request)
    try:
        worker.predict_examples(next(requests))
        for request in itertools.islice(requests, config.requests):
            started = time.perf_counter()
            outputs = worker.predict_examples(request)
            latencies.append((time.perf_counter() - started) * 1000)
            fault = find_fault(outputs, len(request))
            if fault:
                return _Trial(latencies, fault)
    except WorkerError as error:
        return _Trial(latencies, _reason(error))
    return _Trial(latencies, "")


def _requests(examples: Sequence[bytes], rows: int) -> Iterator[list[bytes]]:
    """The warm-up has the rows of the first request, so that each row count is compiled by then."""
    yield list(itertools.islice(itertools.cycle(examples), rows))
    endless = itertools.cycle(examples)
    while True:
        yield list(itertools.islice(endless, rows))


def _percentiles(latencies_ms: Sequence[float]) -> tuple[float, float, float]:
    if not latencies_ms:
        return 0.0, 0.0, 0.0
    p50, p95, p99 = np.percentile(latencies_ms, [50, 95, 99])
    return float(p50), float(p95), float(p99)
