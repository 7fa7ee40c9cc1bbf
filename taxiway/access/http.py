"""Lets in over HTTP who has a token; around the ASGI application of a port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import orjson

from taxiway.access.refusal import Code, Refusal
from taxiway.access.tokens import BearerTokens

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})
"""Paths that say whether the gateway lives and is ready, and nothing else."""
ACTOR: Final = "taxiway.actor"
"""Key of the scope under which an application finds who asks."""


def authorization(scope: Scope) -> bytes:
    """The header of a request; empty where it has none."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
    return b""


def require_token(app: App, tokens: BearerTokens, open_paths: frozenset[str] = HEALTH) -> App:
    """The application, for those who have a token.

    Args:
      app: whatever answers; it finds who asks in the scope under `ACTOR`.
      tokens: the registry's.
      open_paths: that anyone may ask.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in open_paths:
            header = authorization(scope)
            try:
                actor = tokens.remembered(header) or await tokens.actor(header)
            except Refusal as refusal:
                await send_refusal(send, refusal)
                return
            scope[ACTOR] = actor
        await app(scope, receive, send)

    return guarded


async def send_refusal(send: Send, refusal: Refusal) -> None:
    """Answers with a refusal, as all HTTP protocols of the gateway write one."""
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if refusal.code is Code.UNAUTHENTICATED:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.retry_after:
        headers.append((b"retry-after", str(max(1, round(refusal.retry_after))).encode()))
    await send({"type": "http.response.start", "status": refusal.code.http, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps({"error": refusal.message})})
