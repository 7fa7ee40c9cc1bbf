"""gRPC's own health service, as probes of Kubernetes and load balancers ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc

from taxiway.serving.gateway.grpc.receive import stream_handler, unary_handler
from taxiway.serving.gateway.service import Service
from taxiway.serving.protos import messages, services

_SERVICES: Final = frozenset({"", services.PREDICTION, services.MODEL, services.INFERENCE})
"""What may be asked for; empty is the server as a whole."""
_Status: Final = messages.HealthCheckResponse.ServingStatus


def health_handler(service: Service, poll_seconds: float, receive_seconds: float) -> Any:
    """The service's generic handler.

    Args:
      service: that is ready or not.
      poll_seconds: between two looks for those who watch.
      receive_seconds: that a client may take to send its message.
    """

    def status(request: Any) -> int:
        if request.service not in _SERVICES:
            return int(_Status.Value("SERVICE_UNKNOWN"))
        return int(_Status.Value("SERVING" if service.ready() else "NOT_SERVING"))

    async def check(request: Any, context: Any) -> Any:
        found = status(request)
        if found == _Status.Value("SERVICE_UNKNOWN"):
            known = ", ".join(sorted(_SERVICES - {""}))
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"no such service; expected none, or one of {known}"
            )
        return messages.HealthCheckResponse(status=found)

    async def watch(request: Any, _: Any) -> AsyncIterator[Any]:
        told = None
        while True:
            if (found := status(request)) != told:
                told = found
                yield messages.HealthCheckResponse(status=found)
            await asyncio.sleep(poll_seconds)

    handlers = {
        services.CHECK.name: unary_handler(services.CHECK, receive_seconds, check),
        services.WATCH.name: stream_handler(services.WATCH, receive_seconds, watch),
    }
    return grpc.method_handlers_generic_handler(services.HEALTH, handlers)
