"""What tests of gRPC share: a server in a thread, and a client made of our own messages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import pytest

from taxiway.config.serving import Limits, Serving
from taxiway.serving.gateway.grpc.server import GrpcServer, serve_grpc
from taxiway.serving.protos import messages, services
from taxiway.serving.protos.tensors import encoded
from tests.taxiway.serving.gateway.arithmetic import Arithmetic
from tests.taxiway.serving.gateway.http.conftest import Heard
from tests.taxiway.serving.gateway.loops import running_loop

SECONDS = 10.0
"""After which a test gives up."""


def array(values: Sequence[Any], dtype: Any = None) -> Any:
    texts = any(isinstance(value, str | bytes) for value in np.ravel(np.array(values, object)))
    return np.array(values, object if texts and dtype is None else dtype)


def predict_request(
    inputs: dict[str, Any], model: str = "trips", outputs: Sequence[str] = (), **spec: Any
) -> Any:
    """A PredictRequest; numbers with a decimal point are float32."""
    version = spec.pop("version", None)
    request = messages.PredictRequest(output_filter=outputs)
    request.model_spec.CopyFrom(messages.ModelSpec(name=model, **spec))
    if version is not None:
        request.model_spec.version.value = version
    for name, values in inputs.items():
        whole = array(values)
        whole = whole.astype(np.float32) if whole.dtype == np.float64 else whole
        request.inputs[name].CopyFrom(encoded(whole))
    return request


@dataclass
class Grpc:
    """A server of gRPC that runs.

    Args:
      service: that answers.
      heard: by its observer.
      log: lines of its access log.
      channel: to it.
    """

    service: Any
    heard: Heard
    log: list[bytes]
    channel: grpc.Channel
    server: GrpcServer
    loop: asyncio.AbstractEventLoop

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def call(self, method: services.Method, request: Any = None, **named: Any) -> Any:
        """The response; raises grpc.RpcError."""
        return caller(self.channel, method)(
            method.request() if request is None else request, **{"timeout": SECONDS, **named}
        )

    def refused(
        self, method: services.Method, request: Any = None, **named: Any
    ) -> tuple[str, str, dict[str, str]]:
        """Status, details and trailing metadata of a call that is refused."""
        with pytest.raises(grpc.RpcError) as caught:
            self.call(method, request, **named)
        error: Any = caught.value
        return error.code().name, error.details(), dict(error.trailing_metadata() or ())

    def stop(self, grace_seconds: float = SECONDS) -> None:
        stopping = self.server.stop(grace_seconds)
        asyncio.run_coroutine_threadsafe(stopping, self.loop).result(2 * SECONDS)


def caller(channel: grpc.Channel, method: services.Method) -> Any:
    make = channel.unary_stream if method.streams else channel.unary_unary
    return make(
        method.path,
        request_serializer=method.request.SerializeToString,
        response_deserializer=method.response.FromString,
    )


@contextlib.contextmanager
def serving(service: Any, limits: Limits | None = None, **named: Any) -> Iterator[Grpc]:
    """A server in a thread of its own, with uvloop, as the gateway has it."""
    section = Serving(limits=limits or Limits(), poll_seconds=0.01)
    heard, log = Heard(), []
    with running_loop() as loop:
        starting = serve_grpc(
            service, section, observer=heard, access_log=log.append, port=0, **named
        )
        server = asyncio.run_coroutine_threadsafe(starting, loop).result(SECONDS)
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            running = Grpc(service, heard, log, channel, server, loop)
            yield running
        running.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Grpc]:
    """One for tests that leave it as it was."""
    with serving(Arithmetic()) as one:
        yield one


@pytest.fixture
def serve() -> Iterator[Callable[..., Grpc]]:
    """Starts one as a test wants it."""
    with contextlib.ExitStack() as stack:

        def started(service: Any = None, limits: Limits | None = None, **named: Any) -> Grpc:
            return stack.enter_context(serving(service or Arithmetic(), limits, **named))

        yield started
