"""The server of REST: a socket, uvicorn on it, and the sweep that holds clients to their time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import uvicorn

from taxiway.access.certificate import Certificate
from taxiway.access.tokens import BearerTokens
from taxiway.config.serving import Limits, Serving
from taxiway.serving.decisions.rewards.posted import RewardSink
from taxiway.serving.gateway.access_log import AccessLog
from taxiway.serving.gateway.http.app import App
from taxiway.serving.gateway.http.connection import bounded_by
from taxiway.serving.gateway.service import Service
from taxiway.serving.requests.observer import Observer

_BACKLOG: Final = 1024
_MOST_SWEEP_SECONDS: Final = 1.0


async def serve_http(
    service: Service,
    section: Serving,
    *,
    observer: Observer | None = None,
    access_log: Callable[[bytes], object] | None = None,
    tokens: BearerTokens | None = None,
    certificate: Certificate | None = None,
    listener: socket.socket | None = None,
    rewards: RewardSink | None = None,
) -> HttpServer:
    """Serves REST on the running loop, until it is stopped.

    Args:
      service: that answers.
      section: host, port and limits.
      observer: hears of every request that asks a model, once.
      access_log: is given lines of JSON, in a thread.
      tokens: whose holders may ask; health anyone may. None where everyone may ask everything.
      certificate: of the port; None for plain HTTP.
      listener: a socket that is bound already, which the server closes; None binds host and port.
      rewards: keeps what came of decisions, such as the decision log; None where nothing does.

    Raises:
      OSError: the port cannot be had.
    """
    sock = bound_socket(section.host, section.port) if listener is None else listener
    log = AccessLog(access_log)
    app = App(service, section.limits, observer=observer, log=log, tokens=tokens, rewards=rewards)
    server = HttpServer(app, log, section.limits, sock, certificate)
    await server.start()
    return server


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens once it is served.

    Args:
      host: a name or an address of either kind.
      port: 0 for any that is free.

    Raises:
      OSError: it cannot be had.
    """
    family, kind, number, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, number)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


class _Uvicorn(uvicorn.Server):
    """uvicorn's, without a hand on the process's signals: others run in it too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """A server that runs; made by `serve_http`."""

    def __init__(
        self,
        app: App,
        log: AccessLog,
        limits: Limits,
        sock: socket.socket,
        certificate: Certificate | None,
    ) -> None:
        self._app = app
        self._log = log
        self._limits = limits
        self._socket = sock
        self.host, self.port = sock.getsockname()[:2]
        config = uvicorn.Config(
            cast(Any, app),
            http=bounded_by(limits),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            **({} if certificate is None else certificate.uvicorn()),
        )
        self._uvicorn = _Uvicorn(config)
        self._running: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """That are open."""
        return len(self._uvicorn.server_state.connections)

    async def start(self) -> None:
        """Listens. Called by `serve_http`."""
        self._running = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        while not self._uvicorn.started:
            if self._running.done():
                await self._running
                raise OSError("the server of REST ended as it started")
            await asyncio.sleep(0)
        self._sweeping = asyncio.create_task(self._sweep())

    async def stop(self, grace_seconds: float) -> None:
        """Takes no more requests, and answers those it has.

        Args:
          grace_seconds: after which those that are left are given up.
        """
        self._uvicorn.config.timeout_graceful_shutdown = max(1, round(grace_seconds))
        self._uvicorn.should_exit = True
        if self._running is not None:
            await self._running
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])
        await self._log.close()

    async def _sweep(self) -> None:
        limits = self._limits
        shortest = min(limits.receive_seconds, limits.idle_seconds, limits.seconds)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_MOST_SWEEP_SECONDS, shortest / 4))
            now = loop.time()
            for connection in list(self._uvicorn.server_state.connections):
                cast(Any, connection).sweep(now)
            self._app.give_up_late(time.monotonic())
