"""A version in a model worker of this machine, asked without the event loop ever waiting."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from taxiway.config.serving import Limits, ProcessBackend
from taxiway.modeling.exported.plain_columns import STRING, RequestError, as_array
from taxiway.modeling.names import COLUMNS
from taxiway.serving.backend.frames import Frames
from taxiway.serving.requests.ask import Arrays, Column, Signature
from taxiway.serving.worker.client import ModelWorker
from taxiway.serving.worker.errors import Reason, WorkerError
from taxiway.serving.worker.exchange import answered
from taxiway.serving.worker.protocol import (
    ProtocolError,
    frame_header,
    frame_start,
    pack_arrays,
    pack_strings,
)

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SECTION = "serving.backend"
_START_SECONDS = 0.1
"""After which it is looked again whether a process has come that was not there yet."""


async def load(
    model: str | Path,
    backend: ProcessBackend,
    limits: Limits,
    allowed_operations: Sequence[str] = (),
) -> ProcessVersion:
    """Starts a worker for a SavedModel.

    Args:
      model: its folder.
      backend: bounds of the worker, and its isolation.
      limits: `call_seconds` bounds the processor time of one call too.
      allowed_operations: that the model may have besides those of the list.

    Raises:
      WorkerError: the model does not load.
    """
    worker = ModelWorker(
        model,
        load_timeout_seconds=backend.load_timeout_seconds,
        request_timeout_seconds=limits.call_seconds,
        memory_limit_mb=backend.memory_limit_mb,
        allowed_operations=allowed_operations,
        isolation=backend.isolation,
        section=_SECTION,
    )
    starting = asyncio.get_running_loop().run_in_executor(None, worker.__enter__)
    try:
        await asyncio.shield(starting)
        _, frames = await asyncio.get_running_loop().create_unix_connection(
            Frames, sock=worker.detach()
        )
    except BaseException:
        await asyncio.shield(_ended(worker, starting))
        raise
    return ProcessVersion(worker, frames)


async def _ended(worker: ModelWorker, starting: asyncio.Future[Any]) -> None:
    """Ends a worker that may still be starting, in a thread that cannot be interrupted.

    Its process is ended under that thread, which then has nothing to wait for.
    """
    while not starting.done():
        await asyncio.to_thread(worker.close)
        await asyncio.wait([starting], timeout=_START_SECONDS)
    await asyncio.gather(starting, return_exceptions=True)
    await asyncio.to_thread(worker.close)


class ProcessVersion:
    """A version that a worker answers for; see `LoadedVersion`. Made by `load`.

    Args:
      worker: running, with its connection detached.
      frames: that connection.
    """

    def __init__(self, worker: ModelWorker, frames: Frames) -> None:
        self._worker = worker
        self._frames = frames
        self._turn = asyncio.Lock()
        self._lost = ""
        self.load_seconds = worker.load_seconds
        self.isolation = worker.isolation
        self.signatures: Mapping[str, Signature] = _signatures(
            worker.signatures, worker.ranks, worker.classes
        )
        columns = self.signatures.get(COLUMNS, Signature((), ()))
        self._numbers = {
            column.name: column.dtype
            for column in columns.inputs
            if column.rank != 2 and column.dtype != STRING
        }

    @property
    def pid(self) -> int | None:
        """Of the process that has the model; None once it is closed."""
        return self._worker.pid

    @property
    def memory_bytes(self) -> int | None:
        """Resident memory of that process; None where it has ended."""
        try:
            fields = Path(f"/proc/{self._worker.pid}/statm").read_text().split()
        except OSError:
            return None
        return int(fields[1]) * _PAGE_BYTES

    @property
    def lost(self) -> str:
        """Why it answers no more; empty while it does."""
        if not self._lost and self._frames.closed:
            self._lost = "the model worker ended while no one asked it"
        return self._lost

    async def predict_columns(
        self, columns: Mapping[str, Sequence[Any]], deadline: float
    ) -> Arrays:
        """Answers plain columns: numbers go as their memory, all else as JSON.

        Raises:
          WorkerError: `reason` says whether it is lost.
        """
        try:
            described, body = pack_arrays(
                {
                    name: as_array(name, list(values), self._numbers[name])
                    for name, values in columns.items()
                    if name in self._numbers
                }
            )
            plain = {name: list(of) for name, of in columns.items() if name not in self._numbers}
            header = {"ask": "predict_columns", "columns": plain, "arrays": described}
            start = frame_start(_json(header), len(body))
        except (RequestError, ProtocolError) as error:
            raise WorkerError(
                f"RequestError: {error}", reason="bad_request", kind="RequestError"
            ) from error
        return await self._ask(start, body, deadline)

    async def predict_examples(self, examples: Sequence[bytes], deadline: float) -> Arrays:
        """Answers serialized tf.Examples; as `predict_columns`."""
        body = pack_strings(examples)
        try:
            start = frame_start(b'{"ask":"predict_examples"}', len(body))
        except ProtocolError as error:
            raise WorkerError(str(error), reason="bad_request", kind="RequestError") from error
        return await self._ask(start, body, deadline)

    async def close(self) -> None:
        """Ends the worker, whatever it is doing."""
        self._lost = self._lost or "the version was closed"
        self._frames.close()
        await asyncio.to_thread(self._worker.close)

    async def _ask(self, start: bytes, body: bytes, deadline: float) -> Arrays:
        async with self._turn:
            if self.lost:
                raise WorkerError(self.lost, reason="closed")
            try:
                header, answer = await self._frames.ask(start, body, deadline)
                return answered(frame_header(header), answer)
            except asyncio.TimeoutError:
                raise await self._end(f"no answer in time ({self._patience(deadline)})") from None
            except (ProtocolError, OSError):
                raise await self._crashed() from None
            except asyncio.CancelledError:
                # an answer may be on its way that belongs to no one
                await asyncio.shield(self._end("a request of it was given up"))
                raise

    def _patience(self, deadline: float) -> str:
        return f"{time.monotonic() - deadline:+.1f} s of its deadline; the worker was ended"

    async def _end(self, why: str, reason: Reason = "timeout") -> WorkerError:
        self._lost = why
        await self.close()
        return WorkerError(why, reason=reason, edit="serving.limits.call_seconds")

    async def _crashed(self) -> WorkerError:
        self._lost = "the model worker ended while answering"
        error = await asyncio.to_thread(self._worker.ended)
        self._lost = error.message
        await self.close()
        return error


def _json(header: Mapping[str, Any]) -> bytes:
    """The header; a text that is none is refused in the worker's words."""
    try:
        return orjson.dumps(header)
    except TypeError as error:
        for name, values in header["columns"].items():
            as_array(name, values, STRING, lists=any(isinstance(one, list) for one in values))
        raise RequestError(f"a request that cannot be sent: {error}") from error


def _signatures(
    described: Mapping[str, Mapping[str, Mapping[str, str]]],
    ranks: Mapping[str, Mapping[str, Mapping[str, int]]],
    classes: Mapping[str, Sequence[str]],
) -> dict[str, Signature]:
    def columns(name: str, side: str) -> tuple[Column, ...]:
        of = ranks.get(name, {}).get(side, {})
        return tuple(
            Column(column, dtype, of.get(column, 1))
            for column, dtype in described[name].get(side, {}).items()
        )

    return {
        name: Signature(
            columns(name, "inputs"), columns(name, "outputs"), tuple(classes.get(name, ()))
        )
        for name in described
    }
