"""The connection to a model worker on an event loop: one frame out, one frame in, at a time."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from taxiway.serving.worker.protocol import LENGTHS_BYTES, ProtocolError, frame_lengths

Frame = tuple[bytes, bytes]
"""Header and body."""


class Frames(asyncio.Protocol):
    """Asks a worker on a connected socket."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._waiting: asyncio.Future[Frame] | None = None

    @property
    def closed(self) -> bool:
        """Whether the other side has gone, or this one was closed."""
        return self._transport is None or self._transport.is_closing()

    async def ask(self, start: bytes, body: bytes, deadline: float) -> Frame:
        """Sends one frame and waits for the next that comes.

        Args:
          start: lengths and header.
          body: of the length that they say.
          deadline: `time.monotonic()` after which waiting ends.

        Raises:
          asyncio.TimeoutError: the deadline has passed.
          ProtocolError: what came is no frame, or more than one.
          OSError: the other side has gone.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection was lost")
        waiting: asyncio.Future[Frame] = loop.create_future()
        self._waiting = waiting
        timer = loop.call_at(loop.time() + max(0.0, deadline - time.monotonic()), self._expire)
        try:
            self._transport.writelines((start, body))
            return await waiting
        finally:
            timer.cancel()
            self._waiting = None

    def close(self) -> None:
        """Closes this side at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._received += data
        if len(self._received) < LENGTHS_BYTES:
            return
        try:
            head, body = frame_lengths(self._received)
            if self._waiting is None or len(self._received) > LENGTHS_BYTES + head + body:
                raise ProtocolError("the worker sent what no one has asked for")
        except ProtocolError as error:
            self._fail(error)
            self.close()
            return
        if len(self._received) == LENGTHS_BYTES + head + body:
            at = LENGTHS_BYTES + head
            frame = bytes(self._received[LENGTHS_BYTES:at]), bytes(self._received[at:])
            self._received = bytearray()
            if not self._waiting.done():
                self._waiting.set_result(frame)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        self._fail(error or ConnectionResetError("the connection was lost"))

    def _expire(self) -> None:
        self._fail(asyncio.TimeoutError())

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
