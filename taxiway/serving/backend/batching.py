"""Requests of one version go together: those that came while its model was busy are its next call.

So there is no window to wait for where the load is low, and batches grow with it: a call of 32 rows
takes little longer than one of a single row.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Batching, Limits
from taxiway.modeling.names import COLUMNS
from taxiway.serving.backend import calls
from taxiway.serving.backend.fault import ModelFault, fault_of, is_lost
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.backend.waiting import Part, Queue, Waiting
from taxiway.serving.requests.ask import Arrays, Ask, Signature
from taxiway.serving.requests.column_check import ColumnCheck
from taxiway.serving.worker.errors import WorkerError

_LOG = logging.getLogger(__name__)
_SWEEP_SECONDS = 0.02
"""Between two looks for requests whose deadline has passed; so late may one be told."""
_FORGETS = 0.8
"""What is left of the rate as it was, when another call has been measured."""


class Batcher:
    """Asks one loaded version, for all requests of it. For one event loop; `close` it.

    Args:
      version: that answers.
      batching: how many rows go together, and how long one may wait for others.
      limits: of the queue, and of one call.
      on_call: hears of the rows of each call.
    """

    def __init__(
        self,
        version: LoadedVersion,
        batching: Batching,
        limits: Limits,
        on_call: Callable[[int], None] | None = None,
    ) -> None:
        self.version = version
        self._batching = batching
        self._limits = limits
        self._on_call = on_call
        self._check = ColumnCheck(version.signatures.get(COLUMNS, Signature((), ())))
        self._queue = Queue()
        self._in_call: Sequence[Part] = ()
        self._rows_per_second = 0.0
        self._lost: WorkerError | None = None
        self._came = asyncio.Event()
        self._calls = asyncio.get_running_loop().create_task(self._run())
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def queued_rows(self) -> int:
        """Of all requests that wait."""
        return self._queue.rows

    async def ask(self, ask: Ask, *, alone: bool = False) -> Arrays:
        """The answer to a request.

        Args:
          ask: the request.
          alone: share no call with others, for it may be what ended a worker.

        Raises:
          Refusal: INVALID, its columns are none that the version takes; BUSY, too many wait;
            DEADLINE, it has passed.
          ModelFault: the version has failed, or does not answer any more.
        """
        if self._lost is not None:
            raise fault_of(self._lost, asked=False)
        if ask.columns is not None:
            self._check.check(ask.columns, ask.rows)
        if self._queue.rows and self._queue.rows + ask.rows > self._limits.queued_rows:
            raise self._busy()
        waiting = Waiting(ask, asyncio.get_running_loop().create_future(), alone)
        self._queue.put(waiting)
        self._came.set()
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._expire)
        return await waiting.future

    async def close(self) -> None:
        """Refuses what waits and asks no more; the version itself is someone else's."""
        self._calls.cancel()
        await asyncio.wait([self._calls])
        self._give_up(WorkerError("the version was closed", reason="closed"))

    def _busy(self) -> Refusal:
        """Waiting helps for as long as what waits now takes, by the rate that was seen."""
        rate = self._rows_per_second or float(self._batching.max_rows)
        return Refusal(
            Code.BUSY,
            f"{self._queue.rows:,} rows wait for this version; serving.limits.queued_rows is "
            f"{self._limits.queued_rows:,}",
            retry_after=max(0.1, self._queue.rows / rate),
        )

    async def _run(self) -> None:
        while self._lost is None:
            if not self._queue:
                self._came.clear()
                await self._came.wait()
                if self._batching.max_wait_ms and self._queue.rows < self._batching.max_rows:
                    await asyncio.sleep(self._batching.max_wait_ms / 1000)
            self._in_call = [
                part
                for part in self._queue.take(self._batching.max_rows)
                if not part.of.future.done()
            ]
            if self._in_call:
                await self._answer(self._in_call)
                self._in_call = ()

    async def _answer(self, parts: Sequence[Part]) -> None:
        """Asks the model once; where it refuses, each of the parts by itself."""
        try:
            outputs = await self._call(parts)
        except WorkerError as error:
            if is_lost(error):
                for part in parts:
                    _refuse(part.of, fault_of(error))
                self._give_up(error)
            elif len(parts) == 1:
                _refuse(parts[0].of, fault_of(error))
            else:
                await self._answer_apart(parts)
            return
        except Exception as error:
            _LOG.exception("a call of a model")
            for part in parts:
                _refuse(part.of, ModelFault(Code.FAILED, f"{type(error).__name__}: {error}"))
            return
        wrong = calls.shape_fault(outputs, sum(part.rows for part in parts))
        if wrong:
            for part in parts:
                _refuse(part.of, ModelFault(Code.FAILED, wrong))
        elif calls.are_finite(outputs):
            self._hand_out(parts, outputs)
        else:
            self._hand_out_finite(parts, outputs)

    async def _answer_apart(self, parts: Sequence[Part]) -> None:
        for at, part in enumerate(parts):
            if self._lost is not None:
                for left in parts[at:]:
                    _refuse(left.of, fault_of(self._lost, asked=False))
                return
            await self._answer([part])

    async def _call(self, parts: Sequence[Part]) -> Arrays:
        started = time.monotonic()
        deadline = started + self._limits.call_seconds
        if parts[0].of.ask.columns is None:
            outputs = await self.version.predict_examples(calls.joined_examples(parts), deadline)
        else:
            outputs = await self.version.predict_columns(calls.joined_columns(parts), deadline)
        rows = sum(part.rows for part in parts)
        if self._on_call is not None:
            self._on_call(rows)
        rate = rows / max(1e-6, time.monotonic() - started)
        before = self._rows_per_second or rate
        self._rows_per_second = _FORGETS * before + (1 - _FORGETS) * rate
        return outputs

    def _hand_out(self, parts: Sequence[Part], outputs: Arrays) -> None:
        at = 0
        for part in parts:
            stop = at + part.rows
            _hand(part, calls.cut(outputs, at, stop))
            at = stop

    def _hand_out_finite(self, parts: Sequence[Part], outputs: Arrays) -> None:
        at = 0
        for part in parts:
            stop = at + part.rows
            answer = calls.cut(outputs, at, stop)
            wrong = calls.not_finite(part, answer)
            if wrong is None:
                _hand(part, answer)
            else:
                _refuse(part.of, wrong)
            at = stop

    def _give_up(self, error: WorkerError) -> None:
        """Tells all that wait, in a call or for one, that there will be no answer here."""
        self._lost = self._lost or error
        for part in self._in_call:
            _refuse(part.of, fault_of(error))
        for waiting in self._queue.remove(before=float("inf")):
            _refuse(waiting, fault_of(error, asked=False))
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _expire(self) -> None:
        """Drops requests whose deadline has passed: their clients have gone."""
        now = time.monotonic()
        late = self._queue.remove(before=now)
        late += [part.of for part in self._in_call if part.of.ask.deadline <= now]
        for waiting in late:
            _refuse(
                waiting, Refusal(Code.DEADLINE, "the deadline passed before there was an answer")
            )
        busy = self._queue or self._in_call
        self._sweep = (
            asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._expire) if busy else None
        )


def _hand(part: Part, answer: Arrays) -> None:
    waiting = part.of
    if waiting.future.done():
        return
    waiting.answers.append(answer)
    if not waiting.left:
        waiting.future.set_result(calls.joined_answers(waiting.answers))


def _refuse(waiting: Waiting, refusal: Refusal) -> None:
    if not waiting.future.done():
        waiting.future.set_exception(refusal)
