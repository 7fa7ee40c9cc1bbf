"""The access log: a JSON line for each request, written in a thread, a tenth of a second later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Final

import orjson

from taxiway.serving.requests.ask import Answer, Ask
from taxiway.terminal import one_line

MOST_LINES: Final = 20_000
"""That wait to be written; where whoever reads them is slower, the rest is counted and dropped."""

_DELAY_SECONDS: Final = 0.1
_LONGEST: Final = 256
"""Characters of a text that a client chose."""


class AccessLog:
    """Takes requests on an event loop; one line each, with the same keys.

    Args:
      write: is given whole lines, in a thread, one call after another; it may block. None for no
        log.
    """

    def __init__(self, write: Callable[[bytes], object] | None) -> None:
        self._write = write
        self._waiting: list[tuple[Any, ...]] = []
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None

    def note(
        self,
        protocol: str,
        method: str,
        path: str,
        status: int | str,
        seconds: float,
        request_id: str = "",
        traceparent: str = "",
        ask: Ask | None = None,
        answer: Answer | None = None,
    ) -> None:
        """Takes one request.

        Args:
          protocol: see `Ask.protocol`, or http.
          method: of HTTP, or of a gRPC service.
          path: as it came.
          status: of HTTP, or the name of gRPC's.
          seconds: from when it came to when its answer was sent.
          request_id: see `Ask`.
          traceparent: likewise.
          ask: where it was understood.
          answer: where there was one.
        """
        if self._write is None:
            return
        if len(self._waiting) >= MOST_LINES:
            self._dropped += 1
            return
        about = (
            "" if ask is None else ask.model,
            0 if ask is None else ask.rows,
            "" if answer is None else answer.version,
            "" if answer is None else answer.arm,
        )
        at = time.time()
        head = (at, protocol, method, path, status, seconds, request_id, traceparent)
        self._waiting.append((*head, *about))
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_DELAY_SECONDS, self._flush)

    async def close(self) -> None:
        """Writes what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._write is not None and (lines := self._taken()):
            await asyncio.to_thread(self._write_lines, *lines)

    def _flush(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        if self._writing is not None and not self._writing.done():  # the reader is slow
            self._timer = loop.call_later(_DELAY_SECONDS, self._flush)
            return
        if taken := self._taken():
            self._writing = loop.run_in_executor(None, self._write_lines, *taken)

    def _taken(self) -> tuple[list[tuple[Any, ...]], int] | None:
        if not self._waiting and not self._dropped:
            return None
        taken = (self._waiting, self._dropped)
        self._waiting, self._dropped = [], 0
        return taken

    def _write_lines(self, entries: list[tuple[Any, ...]], dropped: int) -> None:
        assert self._write is not None
        lines = [_line(*entry) for entry in entries]
        if dropped:
            lines.append(orjson.dumps({"time": _time(time.time()), "dropped": dropped}))
        self._write(b"\n".join([*lines, b""]))


def _line(
    at: float,
    protocol: str,
    method: str,
    path: str,
    status: int | str,
    seconds: float,
    request_id: str,
    traceparent: str,
    model: str,
    rows: int,
    version: str,
    arm: str,
) -> bytes:
    return orjson.dumps(
        {
            "time": _time(at),
            "protocol": protocol,
            "method": _bounded(method),
            "path": _bounded(path),
            "status": status,
            "model": _bounded(model),
            "version": version,
            "arm": arm,
            "rows": rows,
            "ms": round(seconds * 1000, 3),
            "request_id": _bounded(request_id),
            "trace_id": traceparent[3:35],
        }
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")


def _bounded(text: str) -> str:
    return one_line(text[:_LONGEST])
