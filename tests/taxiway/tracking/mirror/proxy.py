"""A server in front of MLflow that fails as it is told to."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

WELL = "well"
REFUSES = "refuses"
HANGS = "hangs"
TRICKLES = "trickles"
FAILS = "answers 500"
DIES = "dies in the middle"
DIES_AFTER = "dies in the middle, having done it"


class Proxy(ThreadingHTTPServer):
    """Hands requests on, until `after` of them have gone well; then it does as `mode` says."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, uri: str, port: int = 0) -> None:
        self.uri = uri
        self.mode, self.after = WELL, 0
        self.passed = 0
        self.released = threading.Event()
        super().__init__(("127.0.0.1", port), Handler)

    def set(self, mode: str, after: int = 0) -> None:
        """How it goes on from here."""
        self.mode, self.after, self.passed = mode, after, 0


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Proxy
    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length else None
        proxy = self.server
        failing = proxy.mode if proxy.passed >= proxy.after else WELL
        proxy.passed += 1
        if failing == WELL:
            self._answer(*self._asked(body))
        elif failing == DIES_AFTER:
            self._asked(body)
            self.close_connection = True
        elif failing == FAILS:
            self._answer(500, b"Internal Server Error")
        elif failing == TRICKLES:
            self._trickle()
        else:
            if failing == HANGS:
                proxy.released.wait(30)
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815  # http.server's names

    def _asked(self, body: bytes | None) -> tuple[int, bytes]:
        parts = urlsplit(self.server.uri)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, answer

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self) -> None:
        """A byte now and then, each of them sooner than a socket's time is over."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with suppress(OSError):  # whoever asked has gone
            while not self.server.released.wait(0.2):
                self.wfile.write(b" ")
                self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def proxied(uri: str, port: int = 0) -> Iterator[Proxy]:
    """A proxy until the block ends."""
    proxy = Proxy(uri, port)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.released.set()
        proxy.shutdown()
        thread.join()
        proxy.server_close()
