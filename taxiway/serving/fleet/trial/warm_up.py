"""Asks a version before anyone else does: rows one by one, then batches, then the smoke tests.

TensorFlow traces and allocates at a model's first requests, so that those would be slow. What is
answered is judged: a version that answers nonsense, or too slowly, has no traffic.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from taxiway.config.serving import Serving, SmokeTest
from taxiway.errors import TaxiwayError, did_you_mean
from taxiway.modeling.answers import find_fault, shape_fault
from taxiway.modeling.names import COLUMNS
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.served_version import NotReady
from taxiway.serving.fleet.trial.rows import Rows
from taxiway.serving.requests.ask import Arrays
from taxiway.serving.worker.errors import WorkerError
from taxiway.terminal import one_line

_UNMEASURED: Final = 3
"""First requests, in which TensorFlow traces, that the latency budget is not about."""
_SLOWEST_PERCENTILE: Final = 99
_EMPTY_EXAMPLE: Final = b""
"""A tf.Example without any feature, serialized."""


async def warm_up(loaded: LoadedVersion, rows: Rows, serving: Serving) -> None:
    """Asks for rows one by one and as batches that grow up to `serving.batching.max_rows`.

    Args:
      rows: one at least.

    Raises:
      NotReady: an answer is none, is late, or the budget is exceeded.
      WorkerError: the model failed.
    """
    count = serving.warm_up.rows
    if not count:
        return
    seconds = serving.limits.call_seconds
    latencies = []
    for row in range(count):
        began = time.perf_counter()
        await _ask(loaded, rows, row, 1, seconds)
        latencies.append((time.perf_counter() - began) * 1000)
    _check_latency(latencies[_UNMEASURED:], serving.warm_up.latency_budget_ms)
    size = 2
    while size <= serving.batching.max_rows:
        await _ask(loaded, rows, 0, size, seconds)
        size *= 2


async def run_smoke_tests(
    loaded: LoadedVersion, tests: Sequence[SmokeTest], seconds: float
) -> None:
    """Asks for the rows of the config, whose answers have to be within its bounds.

    Args:
      seconds: that an answer may take.

    Raises:
      NotReady: one is not.
    """
    for number, test in enumerate(tests, start=1):
        name = f"smoke test {number}"
        columns = {column: list(values) for column, values in test.columns.items()}
        count = len(next(iter(columns.values()), []))
        try:
            answer = await loaded.predict_columns(columns, time.monotonic() + seconds)
        except WorkerError as error:
            raise _failed(name, error.message) from error
        fault = find_fault(answer, count) or _out_of_bounds(answer, test)
        if fault:
            raise _failed(name, fault)


async def _ask(loaded: LoadedVersion, rows: Rows, start: int, count: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    what = f"warm-up with {count} row(s) of {rows.told}"
    with _told(what):
        if COLUMNS in loaded.signatures and rows.columns:
            answer = await loaded.predict_columns(rows.batch(start, count), deadline)
        else:
            answer = await loaded.predict_examples([_EMPTY_EXAMPLE] * count, deadline)
    fault = find_fault(answer, count) if rows.real else _wrong_shape(answer, count)
    if fault:
        raise NotReady(f"{what}: {one_line(fault)}")


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except WorkerError as error:
        raise WorkerError(f"{what}: {error.message}", reason=error.reason) from error


def _wrong_shape(answer: Arrays, count: int) -> str:
    """Rows that mean nothing may be answered with anything, but one answer each."""
    faults = (shape_fault(name, output, count) for name, output in answer.items())
    return next((fault for fault in faults if fault), "")


def _check_latency(latencies_ms: Sequence[float], budget_ms: float | None) -> None:
    if budget_ms is None or not latencies_ms:
        return
    slowest = float(np.percentile(latencies_ms, _SLOWEST_PERCENTILE))
    if slowest > budget_ms:
        raise NotReady(
            f"the {_SLOWEST_PERCENTILE}th percentile of latency is {slowest:.1f} ms in "
            f"{len(latencies_ms)} requests of one row, and the budget {budget_ms:g} ms",
            edit="serving.warm_up.latency_budget_ms",
        )


def _out_of_bounds(answer: Mapping[str, Any], test: SmokeTest) -> str:
    output = answer.get(test.output)
    if output is None:
        known = ", ".join(answer)
        told = did_you_mean(test.output, answer)
        return f"there is no output '{test.output}'{told} (there are: {known})"
    if output.dtype.kind not in "biuf":
        return f"output '{test.output}' is not numeric, it is {output.dtype}"
    for row, values in enumerate(output.reshape(len(output), -1), start=1):
        if test.lower is not None and values.min() < test.lower:
            return _told_bound(test, row, values.min(), f"at least {test.lower:g}")
        if test.upper is not None and values.max() > test.upper:
            return _told_bound(test, row, values.max(), f"at most {test.upper:g}")
    return ""


def _told_bound(test: SmokeTest, row: int, value: float, expected: str) -> str:
    return f"row {row} has the {test.output} {value:.6g}, expected {expected}"


def _failed(name: str, why: str) -> TaxiwayError:
    return NotReady(f"{name}: {one_line(why)}", edit="serving.smoke_tests")
