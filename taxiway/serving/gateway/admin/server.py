"""The server of the operators' port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, cast

import uvicorn

from taxiway.access.certificate import Certificate
from taxiway.access.http import App

_CONNECTIONS = 64
"""At once; operators are few."""


class AdminServer:
    """A server that runs from `start` to `stop`.

    Args:
      app: see `make_app`.
      listener: a bound socket, which it closes.
      certificate: of the port; None for plain HTTP.
    """

    def __init__(
        self, app: App, listener: socket.socket, certificate: Certificate | None = None
    ) -> None:
        self.host, self.port = listener.getsockname()[:2]
        self._socket = listener
        config = uvicorn.Config(
            cast(Any, app),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            **({} if certificate is None else certificate.uvicorn()),
        )
        self._uvicorn = _Uvicorn(config)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listens.

        Raises:
          OSError: it could not begin.
        """
        self._running = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        while not self._uvicorn.started:
            if self._running.done():
                await self._running
                raise OSError("the operators' server ended as it started")
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Ends it; what is being answered has a second."""
        self._uvicorn.config.timeout_graceful_shutdown = 1
        self._uvicorn.should_exit = True
        if self._running is not None:
            await self._running


class _Uvicorn(uvicorn.Server):
    """uvicorn's, without a hand on the process's signals: others run in it too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
