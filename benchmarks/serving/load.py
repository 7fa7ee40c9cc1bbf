"""Clients that ask one row each as fast as they are answered: HTTP/1.1 on kept connections."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

CLIENTS: Final = 64
ANSWER_SECONDS: Final = 20.0
"""After which a request has failed."""
RETRIES: Final = 1
"""A connection that a server closed before it answered is made again, as HTTP clients do."""


@dataclass
class Load:
    """What clients were told.

    Args:
      answers: of each answered request, when it came (monotonic seconds) and its body.
      latencies: of each, in seconds.
      failed: statuses other than 200, and what broke, one by one.
    """

    answers: list[tuple[float, bytes]] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Answered requests."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Latency, in milliseconds."""
        ordered = sorted(self.latencies) or [0.0]
        return 1e3 * ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


async def ask(
    ports: Sequence[int],
    path: str,
    body: bytes,
    until: Callable[[], bool],
    clients: int = CLIENTS,
) -> Load:
    """Asks until told to end; a client whose server is gone goes on with the next one."""
    told = Load()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    started = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        running = [_client(stack, ports, number, request, until, told) for number in range(clients)]
        await asyncio.gather(*running)
    told.seconds = time.monotonic() - started
    return told


async def _client(
    stack: contextlib.AsyncExitStack,
    ports: Sequence[int],
    number: int,
    request: bytes,
    until: Callable[[], bool],
    told: Load,
) -> None:
    opened: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    place = number
    while not until():
        came = time.monotonic()
        for left in reversed(range(RETRIES + 1)):
            try:
                if opened is None:
                    opened = await asyncio.open_connection("127.0.0.1", ports[place % len(ports)])
                    stack.callback(opened[1].close)
                exchange = _exchange(*opened, request)
                status, body = await asyncio.wait_for(exchange, ANSWER_SECONDS)
            except (OSError, EOFError, asyncio.TimeoutError) as error:
                opened, place = None, place + 1
                if not left:
                    told.failed.append(type(error).__name__)
                    await asyncio.sleep(0.01)
                continue
            now = time.monotonic()
            if status == b"200":
                told.answers.append((now, body))
                told.latencies.append(now - came)
            else:
                told.failed.append(f"{status.decode()}: {body[:120].decode(errors='replace')}")
            break


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[bytes, bytes]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    return head.split(b" ", 2)[1], await reader.readexactly(length)
