"""A connection with bounds on what its client may cost: uvicorn's own has few.

uvicorn waits for ever for a head, a body, or an answer to be read, holds heads of any size, takes
any number of connections, and closes one that is still sending in a way that loses the answer. One
sweep over all connections, several times in a second or once, finds those that take too long; so a
request starts no timer.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final, cast

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from taxiway.config.serving import Limits

MOST_HEAD_BYTES: Final = 64 * 1024
"""Of a request's line and headers."""
MOST_PIPELINED: Final = 1_000
"""Requests that a client may have sent before it has the answer to the first of them."""
_CONTINUE: Final = b"HTTP/1.1 100 "
_LARGE: Final = 64 * 1024
"""A body from this size on is not copied to stand behind its head."""
LINGER_SECONDS: Final = 2.0
"""How long a client that is refused while it sends may take to read why."""


def bounded_by(limits: Limits) -> type[HttpToolsProtocol]:
    """A protocol for uvicorn, of connections within the limits."""
    return type("BoundedConnection", (_Connection,), {"limits": limits})


class _Transport:
    """What requests write to.

    It sends head and body of an answer at once, which uvicorn writes one after the other, each a
    call of the system; and it closes only once a client that still sends could read the answer.
    """

    def __init__(self, real: asyncio.Transport, connection: _Connection) -> None:
        self._real = real
        self._connection = connection
        self._held: list[bytes] = []
        self.get_extra_info = real.get_extra_info
        self.pause_reading = real.pause_reading
        self.resume_reading = real.resume_reading

    def write(self, data: bytes) -> None:
        self._held.append(data)
        if data.startswith(_CONTINUE):  # which a client waits for
            self.flush()

    def flush(self) -> None:
        """Sends what was written."""
        held, self._held = self._held, []
        if held and not self._real.is_closing():
            if len(held[-1]) > _LARGE:
                self._real.writelines(held)
            else:
                self._real.write(b"".join(held))

    def is_closing(self) -> bool:
        return self._connection.leaving or self._real.is_closing()

    def close(self) -> None:
        self._connection.leave()


class _Connection(HttpToolsProtocol):
    """One client's."""

    limits: ClassVar[Limits]
    _written: _Transport

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.leaving = False
        self._real: asyncio.Transport | None = None
        self._refused = False
        self._head_bytes = 0
        self._in_head = False
        self._began = 0.0
        """When the request came that is not whole yet; 0 for none."""
        self._quiet_since = self.loop.time()
        self._unread_since = 0.0
        self._leave_by = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._refused = len(self.connections) >= self.limits.connections
        super().connection_made(transport)
        self._real = transport
        self._written = _Transport(transport, self)
        self.transport = cast(asyncio.Transport, self._written)
        if len(self.connections) > 2 * self.limits.connections:  # no room to be told why either
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.leaving:
            return
        if self._refused:
            most = self.limits.connections
            self.refuse(503, f"{most} connections are open, the most that serving.limits takes")
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # to what is not offered: answered as it is
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self.refuse(400, "Invalid HTTP request received.")
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.refuse(431, f"a head of more than {MOST_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        self._began = self.loop.time()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("pipelined too much")  # which the parser makes an error of its own
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._began = 0.0
        self._quiet_since = self.loop.time()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn has it, without a timer: the sweep ends what is idle."""
        self.server_state.total_requests += 1
        self._written.flush()
        if self.transport.is_closing():
            return
        self._quiet_since = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def refuse(self, status: int, why: str) -> None:
        """Tells why nothing more is taken from here, unless an answer is under way, and leaves."""
        cycle = self.cycle
        if not self._answering() or not cycle.response_started:
            body = orjson.dumps({"error": why})
            head = b"content-type: application/json\r\nconnection: close\r\n"
            length = b"content-length: %d\r\n\r\n" % len(body)
            self.transport.write(b"".join([STATUS_LINE[status], head, length, body]))
            if cycle is not None:
                cycle.disconnected = True  # what it says later is not sent
                cycle.message_event.set()
        self.leave()

    def leave(self) -> None:
        """Closes, once the answer could be read: a client that sends on would lose it else."""
        assert self._real is not None
        if self.leaving:
            return
        self._written.flush()
        self.leaving = True
        self._leave_by = self.loop.time() + LINGER_SECONDS
        if self._began and self._real.can_write_eof():
            self.flow.resume_reading()
            self._real.write_eof()
        else:
            self._real.close()

    def sweep(self, now: float) -> None:
        """Ends the connection where its client takes too long.

        Args:
          now: the loop's time.
        """
        assert self._real is not None
        unread = self._real.get_write_buffer_size() > 0
        self._unread_since = (self._unread_since or now) if unread else 0.0
        if self.leaving:
            if now > self._leave_by and not self._is_read(now):
                self._real.abort()
        elif unread and now - self._unread_since > self.limits.receive_seconds:
            self._real.abort()
        elif self._began and now - self._began > self.limits.receive_seconds:
            self.refuse(408, "the request did not come whole within serving.limits.receive_seconds")
        elif (
            not self._began
            and not self._answering()
            and now - self._quiet_since > (LINGER_SECONDS if self._refused else self._idle())
        ):
            self._real.abort() if self._refused else self.leave()

    def _idle(self) -> float:
        return self.limits.idle_seconds

    def _is_read(self, now: float) -> bool:
        """Whether an answer is still being read, within its time."""
        return bool(self._unread_since) and now - self._unread_since < self.limits.receive_seconds

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete
