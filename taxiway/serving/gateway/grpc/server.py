"""The server of gRPC: its port, its bounds, and the services on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc

from taxiway.config.serving import Limits, Serving
from taxiway.serving.gateway.access_log import AccessLog
from taxiway.serving.gateway.grpc import inference, prediction
from taxiway.serving.gateway.grpc.calls import Calls
from taxiway.serving.gateway.grpc.health import health_handler
from taxiway.serving.gateway.service import Service
from taxiway.serving.requests.observer import Observer

MOST_STREAMS: Final = 200
"""Calls at once of one connection."""

_METADATA_BYTES: Final = 16 * 1024
_PING_MILLISECONDS: Final = 10_000
"""How often a client may ask whether the connection lives, without being cut off."""


async def serve_grpc(
    service: Service,
    section: Serving,
    *,
    observer: Observer | None = None,
    access_log: Callable[[bytes], object] | None = None,
    credentials: grpc.ServerCredentials | None = None,
    interceptors: Sequence[Any] = (),
    port: int | None = None,
) -> GrpcServer:
    """Serves gRPC on the running loop, until it is stopped.

    Args:
      service: that answers.
      section: host, port and limits.
      observer: hears of every call that asks a model, once.
      access_log: is given lines of JSON, in a thread.
      credentials: of TLS; None for none.
      interceptors: of grpc.aio, such as one that wants a token.
      port: in the place of the section's; 0 for any that is free.

    Raises:
      OSError: the port cannot be had.
    """
    log = AccessLog(access_log)
    limits = section.limits
    server = grpc.aio.server(
        interceptors=list(interceptors),
        options=_options(limits),
        maximum_concurrent_rpcs=limits.connections,
    )
    calls = Calls(service, limits, observer=observer, log=log)
    server.add_generic_rpc_handlers(
        (
            *calls.handlers({**prediction.METHODS, **inference.METHODS}),
            health_handler(service, section.poll_seconds, limits.receive_seconds),
        )
    )
    wanted = section.grpc_port if port is None else port
    address = _address(section.host, wanted)
    try:
        bound = (
            server.add_insecure_port(address)
            if credentials is None
            else server.add_secure_port(address, credentials)
        )
    except RuntimeError as error:
        raise OSError(f"{address} cannot be had for gRPC: {error}") from None
    await server.start()
    return GrpcServer(server, log, section.host, bound)


class GrpcServer:
    """A server that runs; made by `serve_grpc`."""

    def __init__(self, server: Any, log: AccessLog, host: str, port: int) -> None:
        self._server = server
        self._log = log
        self.host, self.port = host, port

    async def stop(self, grace_seconds: float) -> None:
        """Takes no more calls, and answers those it has.

        Args:
          grace_seconds: after which those that are left are given up.
        """
        await self._server.stop(grace_seconds)
        await self._log.close()


def _options(limits: Limits) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),  # a port that is taken is an error, not shared
        ("grpc.max_receive_message_length", limits.request_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.max_concurrent_streams", MOST_STREAMS),
        ("grpc.max_connection_idle_ms", _milliseconds(limits.idle_seconds)),
        ("grpc.server_handshake_timeout_ms", _milliseconds(limits.receive_seconds)),
        ("grpc.keepalive_time_ms", _milliseconds(limits.idle_seconds)),
        ("grpc.keepalive_timeout_ms", _milliseconds(limits.receive_seconds)),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_MILLISECONDS),
    ]


def _milliseconds(seconds: float) -> int:
    return max(1, min(int(seconds * 1000), 2**31 - 1))


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
