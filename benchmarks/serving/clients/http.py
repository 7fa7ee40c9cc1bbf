"""Clients of our own: HTTP/1.1 on kept connections, as fast as they are answered or at a pace."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.serving.clients.told import ANSWER_SECONDS, CLIENTS, Load, Told

RETRIES: Final = 1
"""A connection that a server closed before it answered is made again, as HTTP clients do."""


def post(path: str, body: bytes) -> bytes:
    """A request as it is sent."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def ask(
    ports: Sequence[int],
    path: str,
    body: bytes,
    until: Callable[[], bool],
    clients: int = CLIENTS,
) -> Load:
    """Asks until told to end; a client whose server is gone goes on with the next one."""
    told = Load()
    started = time.monotonic()
    await ask_and_tell(ports, post(path, body), until, told, clients)
    told.seconds = time.monotonic() - started
    return told


async def ask_and_tell(
    ports: Sequence[int],
    request: bytes,
    until: Callable[[], bool],
    told: Told,
    clients: int = CLIENTS,
    per_second: float = 0.0,
) -> None:
    """Asks until told to end, and tells of each request.

    Args:
      ports: of servers, in the order that clients go on to the next one.
      request: as it is sent; see `post`.
      until: whether it is to end.
      told: hears of each.
      clients: at once, each with one request at a time.
      per_second: requests of all clients together; 0 for as many as are answered. What a slow
        server could not take is not caught up on.
    """
    every = clients / per_second if per_second else 0.0
    async with contextlib.AsyncExitStack() as stack:
        running = [
            _client(stack, ports, number, request, until, told, every, clients)
            for number in range(clients)
        ]
        await asyncio.gather(*running)


async def _client(
    stack: contextlib.AsyncExitStack,
    ports: Sequence[int],
    number: int,
    request: bytes,
    until: Callable[[], bool],
    told: Told,
    every: float,
    clients: int,
) -> None:
    opened: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    place = number
    turn = time.monotonic() + every * number / clients
    while not until():
        if every:
            turn = max(turn + every, time.monotonic())
            await asyncio.sleep(turn - time.monotonic())
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
                    told.failed_with(type(error).__name__)
                    await asyncio.sleep(0.01)
                continue
            if status == b"200":
                told.answered(came, body)
            else:
                told.failed_with(f"{status.decode()}: {body[:120].decode(errors='replace')}")
            break


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[bytes, bytes]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    return head.split(b" ", 2)[1], await reader.readexactly(length)
