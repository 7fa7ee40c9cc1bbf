"""What tests of REST share: a server on a socket of its own, in a thread, and a client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from taxiway.access.refusal import Refusal
from taxiway.config.serving import Limits, Serving
from taxiway.serving.gateway.http.server import HttpServer, bound_socket, serve_http
from taxiway.serving.requests.ask import Answer, Ask
from tests.taxiway.serving.gateway.arithmetic import Arithmetic
from tests.taxiway.serving.gateway.loops import running_loop

SECONDS = 10.0
"""After which a test gives up."""


@dataclass
class Heard:
    """An observer that keeps what it heard."""

    answers: list[tuple[Ask, Answer]] = field(default_factory=list)
    refusals: list[tuple[Ask, Refusal]] = field(default_factory=list)

    def answered(self, ask: Ask, answer: Answer, seconds: float) -> None:
        self.answers.append((ask, answer))

    def refused(self, ask: Ask, refusal: Refusal, seconds: float) -> None:
        self.refusals.append((ask, refusal))


@dataclass
class Rest:
    """A server of REST that runs.

    Args:
      service: that answers.
      port: of loopback.
      heard: by its observer.
      log: lines of its access log.
      client: of the server.
    """

    service: Any
    port: int
    heard: Heard
    log: list[bytes]
    client: httpx.Client
    server: HttpServer
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, path: str, document: Any = None, **named: Any) -> httpx.Response:
        return self.client.post(path, json=document, **named)

    def get(self, path: str, **named: Any) -> httpx.Response:
        return self.client.get(path, **named)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def stop(self, grace_seconds: float = SECONDS) -> None:
        stopping = self.server.stop(grace_seconds)
        asyncio.run_coroutine_threadsafe(stopping, self.loop).result(2 * SECONDS)


@contextlib.contextmanager
def serving(service: Any, limits: Limits | None = None, **named: Any) -> Iterator[Rest]:
    """A server in a thread of its own, with uvloop, as the gateway has it."""
    section = Serving(limits=limits or Limits())
    heard, log = Heard(), []
    with running_loop() as loop:
        starting = serve_http(
            service,
            section,
            observer=heard,
            listener=bound_socket("127.0.0.1", 0),
            **{"access_log": log.append, **named},
        )
        server = asyncio.run_coroutine_threadsafe(starting, loop).result(SECONDS)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=SECONDS) as client:
            rest = Rest(service, server.port, heard, log, client, server, loop)
            yield rest
        rest.stop()


@pytest.fixture(scope="module")
def rest() -> Iterator[Rest]:
    """One for tests that leave it as it was."""
    with serving(Arithmetic()) as running:
        yield running


@pytest.fixture
def serve() -> Iterator[Callable[..., Rest]]:
    """Starts one as a test wants it."""
    with contextlib.ExitStack() as stack:

        def started(service: Any = None, limits: Limits | None = None, **named: Any) -> Rest:
            return stack.enter_context(serving(service or Arithmetic(), limits, **named))

        yield started
