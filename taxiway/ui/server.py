"""The process of the page: one port, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import uvicorn

from taxiway.access.certificate import Certificate
from taxiway.access.http import App
from taxiway.config.schema import Config
from taxiway.registry.database.session import Database
from taxiway.ui.app import make_app

CONNECTIONS: Final = 200
"""At once; the rest are answered 503."""
ENDING_SECONDS: Final = 2
"""What is being answered has so long."""
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def run(config: Config, database: Database, *, listening: Callable[[str], None]) -> None:
    """Answers until a signal comes; a second one ends the process at once.

    Args:
      config: with a `ui` section.
      database: the registry.
      listening: called with the page's address once the port is open.

    Raises:
      OSError: the port cannot be had.
      ConfigError: the certificate cannot be used, or others are to look and none has a token.
    """
    section = config.ui
    app = make_app(config, database, section.host)
    certificate = Certificate(section.tls, "ui.tls") if section.tls.certificate else None
    with _bound(section.host, section.port) as listener:
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        address = f"http{'s' if certificate else ''}://{shown}:{port}/"
        asyncio.run(_serve(app, listener, certificate, lambda: listening(address)))


async def _serve(
    app: App,
    listener: socket.socket,
    certificate: Certificate | None,
    listening: Callable[[], None],
) -> None:
    server = _Uvicorn(
        uvicorn.Config(
            cast(Any, app),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=ENDING_SECONDS,
            **({} if certificate is None else certificate.uvicorn()),
        )
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        server.should_exit = True

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    watching = certificate and asyncio.create_task(certificate.watch())
    listening()
    try:
        await server.serve(sockets=[listener])
    finally:
        if watching:
            watching.cancel()


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens, so that whoever is told of the port is answered."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(CONNECTIONS)
    except OSError:
        listener.close()
        raise
    return listener


class _Uvicorn(uvicorn.Server):
    """uvicorn's, which leaves the signals to `_serve`, so that the process ends with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
