"""The ASGI application: one request in, one document out, and a line about it in the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from taxiway.access.refusal import Code, Refusal
from taxiway.access.tokens import BearerTokens
from taxiway.config.serving import Limits
from taxiway.serving.decisions.rewards.posted import RewardSink
from taxiway.serving.gateway.access_log import AccessLog
from taxiway.serving.gateway.http.messages import (
    REQUEST_ID,
    TRACEPARENT,
    Reply,
    Request,
    refused,
    request_id_of,
    traceparent_of,
)
from taxiway.serving.gateway.http.paths import Path, Verb, read_path
from taxiway.serving.gateway.http.verbs import VERBS, Gateway
from taxiway.serving.gateway.service import Service
from taxiway.serving.requests.ask import Ask
from taxiway.serving.requests.observer import Observer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_logger: Final = logging.getLogger("taxiway.serving.http")

_MOST_PATHS: Final = 1024
"""That are remembered."""
_OPEN: Final = frozenset({Verb.LIVE, Verb.READY})
"""Verbs that no token is asked for."""
_PATIENCE_SECONDS: Final = 1.0
"""How long after its deadline a request is given up, should the service not do so itself."""
_OFREP: Final = b"/ofrep/"
_BEARER: Final = (b"www-authenticate", b"Bearer")
_CLOSE: Final = (b"connection", b"close")


class _Gone(Exception):  # noqa: N818  # no error: who asked has left
    """The client has closed its connection."""


class App:
    """Every protocol of REST, as ASGI.

    Args:
      service: that answers.
      limits: of the gateway.
      observer: hears of every request that asks a model; None where no one listens.
      log: takes a line of each request.
      tokens: whose holders may ask; None where everyone may.
      rewards: keeps what came of decisions; None where nothing does.
    """

    def __init__(
        self,
        service: Service,
        limits: Limits,
        *,
        observer: Observer | None,
        log: AccessLog,
        tokens: BearerTokens | None,
        rewards: RewardSink | None = None,
    ) -> None:
        self._gateway = Gateway(service, limits, rewards)
        self._observer = observer
        self._log = log
        self._tokens = tokens
        self._paths: dict[bytes, Path] = {}
        self._asking: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        started = time.monotonic()
        headers = dict(scope["headers"])
        request = Request(headers, request_id_of(headers), traceparent_of(headers))
        try:
            reply = await self._reply(scope, request, receive)
        except _Gone:
            return
        except Refusal as refusal:
            reply = self._refused(scope, request, refusal, started)
        await _send(request, reply, send)
        self._tell(scope, request, reply.status, time.monotonic() - started)

    def give_up_late(self, now: float) -> None:
        """Ends requests that a service has left without an answer long after their deadline.

        Args:
          now: `time.monotonic()`.
        """
        for task, deadline in list(self._asking.items()):
            if now > deadline:
                self._asking.pop(task)
                self._late.add(task)
                task.cancel()

    async def _reply(self, scope: Scope, request: Request, receive: Receive) -> Reply:
        request.path = path = self._path(scope["raw_path"])
        method = scope["method"]
        if method != path.verb.method and (method, path.verb.method) != ("HEAD", "GET"):
            return _other_method(method, path.verb)
        if self._tokens is not None and path.verb not in _OPEN:
            header = request.headers.get(b"authorization", b"")
            if self._tokens.remembered(header) is None:
                await self._tokens.actor(header)
        if path.verb.method == "POST":
            request.body = await _body(request, receive, self._gateway.limits.request_bytes)
        task = asyncio.current_task()
        assert task is not None
        self._asking[task] = time.monotonic() + self._gateway.limits.seconds + _PATIENCE_SECONDS
        try:
            return await VERBS[path.verb](self._gateway, request)
        except Refusal:
            raise
        except asyncio.CancelledError:
            if task not in self._late:  # the gateway ends
                raise
            raise Refusal(
                Code.DEADLINE, "the model has not answered long after the request's deadline"
            ) from None
        except Exception:
            _logger.exception("request %s failed", request.request_id)
            raise Refusal(
                Code.FAILED, f"an error of the gateway's own: see {request.request_id} in its log"
            ) from None
        finally:
            self._asking.pop(task, None)
            self._late.discard(task)

    def _path(self, raw: bytes) -> Path:
        path = self._paths.get(raw)
        if path is None:
            path = read_path(raw)
            if len(self._paths) >= _MOST_PATHS:
                self._paths.clear()
            self._paths[raw] = path
        return path

    def _refused(self, scope: Scope, request: Request, refusal: Refusal, started: float) -> Reply:
        path = request.path
        if self._observer is not None and path.verb.protocol:
            ask = request.ask or Ask(
                path.model, 0, {}, protocol=path.verb.protocol, request_id=request.request_id
            )
            self._observer.refused(ask, refusal, time.monotonic() - started)
        is_flag = scope["raw_path"].startswith(_OFREP)
        reply = refused(refusal, is_flag=is_flag, model=path.model)
        if refusal.code is Code.TOO_LARGE and not request.body:
            reply.headers.append(_CLOSE)  # the rest of the body is not waited for
        if refusal.code is Code.UNAUTHENTICATED:
            reply.headers.append(_BEARER)
        return reply

    def _tell(self, scope: Scope, request: Request, status: int, seconds: float) -> None:
        ask, answer = request.ask, request.answer
        if self._observer is not None and ask is not None and answer is not None and status == 200:
            self._observer.answered(ask, answer, seconds)
        self._log.note(
            request.path.verb.protocol or "http",
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            status,
            seconds,
            request.request_id,
            request.traceparent,
            ask,
            answer,
        )


async def _body(request: Request, receive: Receive, most: int) -> bytes:
    """The whole body, which is refused as soon as it is known to be too large.

    Raises:
      Refusal: TOO_LARGE; INVALID, it is compressed.
    """
    encoding = request.headers.get(b"content-encoding", b"identity")
    if encoding != b"identity":
        raise Refusal(Code.INVALID, "Content-Encoding: expected a body that is not compressed")
    length = request.headers.get(b"content-length", b"0")
    if len(length) > 18 or int(length) > most:
        raise _too_large(f"{length[:20].decode('latin-1')} bytes", most)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(f"more than {most:,} bytes", most)
        if not message.get("more_body", False):
            return b"".join([*parts, part]) if parts else part
        parts.append(part)


def _too_large(received: str, most: int) -> Refusal:
    return Refusal(
        Code.TOO_LARGE,
        f"received {received}; serving.limits.request_bytes takes at most {most:,} in one request",
    )


def _other_method(method: str, verb: Verb) -> Reply:
    allowed = b"GET, HEAD, OPTIONS" if verb.method == "GET" else b"POST, OPTIONS"
    headers = [(b"allow", allowed)]
    if method == "OPTIONS":
        return Reply(b"", 204, headers=headers)
    refusal = Refusal(
        Code.INVALID, f"Malformed request: received {method[:20]}; expected {verb.method}"
    )
    reply = refused(refusal)
    reply.status = 405
    reply.headers = headers
    return reply


async def _send(request: Request, reply: Reply, send: Send) -> None:
    headers = [(REQUEST_ID, request.request_id.encode()), *reply.headers]
    if reply.status not in (204, 304):
        length = b"%d" % len(reply.body)
        headers += [(b"content-type", reply.content_type), (b"content-length", length)]
    if request.traceparent:
        headers.append((TRACEPARENT, request.traceparent.encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
