"""Clients of TensorFlow Serving's PredictionService: one row a call, on some channels."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc.aio

from benchmarks.serving.clients.told import ANSWER_SECONDS, CLIENTS, Load
from taxiway.modeling.names import COLUMNS
from taxiway.serving.protos.messages import PredictRequest, TensorProto
from taxiway.serving.protos.services import PREDICT

CHANNELS: Final = 4
"""Connections, over which the calls are spread."""
_DTYPES: Final[Mapping[type, tuple[int, str]]] = {
    str: (7, "string_val"),
    int: (9, "int64_val"),
    float: (1, "float_val"),
}
"""TensorFlow's number of a type, and where a TensorProto has its values."""


async def ask_by_grpc(
    port: int,
    model: str,
    row: Mapping[str, Any],
    until: Callable[[], bool],
    clients: int = CLIENTS,
) -> Load:
    """Asks until told to end.

    Args:
      port: of loopback.
      model: name.
      row: that is asked for.
      until: whether it is to end.
      clients: at once, each with one call at a time.
    """
    told, request = Load(), _request(model, row)
    started = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        calls = []
        for number in range(CHANNELS):
            own = [("grpc.use_local_subchannel_pool", 1), ("taxiway.number", number)]
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=own)
            calls.append((await stack.enter_async_context(channel)).unary_unary(PREDICT.path))
        running = [
            _client(calls[number % CHANNELS], request, until, told) for number in range(clients)
        ]
        await asyncio.gather(*running)
    told.seconds = time.monotonic() - started
    return told


async def _client(call: Any, request: bytes, until: Callable[[], bool], told: Load) -> None:
    while not until():
        came = time.monotonic()
        try:
            told.answered(came, await call(request, timeout=ANSWER_SECONDS))
        except grpc.aio.AioRpcError as error:
            told.failed_with(f"{error.code().name}: {(error.details() or '')[:120]}")


def _request(model: str, row: Mapping[str, Any]) -> bytes:
    request = PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = COLUMNS
    for name, value in row.items():
        dtype, values = _DTYPES[type(value)]
        tensor = TensorProto(dtype=dtype)
        tensor.tensor_shape.dim.add(size=1)
        getattr(tensor, values).append(value.encode() if isinstance(value, str) else value)
        request.inputs[name].CopyFrom(tensor)
    return bytes(request.SerializeToString())
