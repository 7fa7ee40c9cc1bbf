"""gRPC's own health service, as probes of Kubernetes and load balancers ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc

from taxiway.serving.gateway.service import Service
from taxiway.serving.protos import messages, services

_SERVICES: Final = frozenset({"", services.PREDICTION, services.MODEL, services.INFERENCE})
"""What may be asked for; empty is the server as a whole."""
_Status: Final = messages.HealthCheckResponse.ServingStatus


def health_handler(service: Service, poll_seconds: float) -> Any:
    """The service's generic handler.

    Args:
      service: that is ready or not.
      poll_seconds: between two looks for those who watch.
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

    made = {
        services.CHECK: grpc.unary_unary_rpc_method_handler(check, **_codecs(services.CHECK)),
        services.WATCH: grpc.unary_stream_rpc_method_handler(watch, **_codecs(services.WATCH)),
    }
    handlers = {method.name: handler for method, handler in made.items()}
    return grpc.method_handlers_generic_handler(services.HEALTH, handlers)


def _codecs(method: services.Method) -> dict[str, Any]:
    return {
        "request_deserializer": method.request.FromString,
        "response_serializer": method.response.SerializeToString,
    }
