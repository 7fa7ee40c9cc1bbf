"""Lets in over gRPC who has a token; an interceptor of the asynchronous server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc

from taxiway.access.refusal import Refusal
from taxiway.access.tokens import BearerTokens

HEALTH: Final = frozenset(
    {
        "/grpc.health.v1.Health/Check",
        "/inference.GRPCInferenceService/ServerLive",
        "/inference.GRPCInferenceService/ServerReady",
    }
)
"""Methods that say whether the gateway lives and is ready, and nothing else."""


class RequireToken(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types
    """Refuses who has none; metadata has it as HTTP does, under `authorization`.

    Args:
      tokens: the registry's.
    """

    def __init__(self, tokens: BearerTokens) -> None:
        self._tokens = tokens

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """The handler of a call, or one that refuses it."""
        if handler_call_details.method in HEALTH:
            return await continuation(handler_call_details)
        header = b""
        for name, value in handler_call_details.invocation_metadata or ():
            if name == "authorization":
                header = value if isinstance(value, bytes) else value.encode("latin-1", "replace")
        if self._tokens.remembered(header) is None:
            try:
                await self._tokens.actor(header)
            except Refusal as refusal:
                return _refusing(refusal)
        return await continuation(handler_call_details)


def _refusing(refusal: Refusal) -> Any:
    async def refuse(_requests: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode[refusal.code.grpc], refusal.message)

    # as a stream of messages, so that none of them is waited for
    return grpc.stream_unary_rpc_method_handler(refuse)
