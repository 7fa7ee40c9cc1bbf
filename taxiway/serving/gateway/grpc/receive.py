"""Handlers of gRPC's server that hold a client to its time: to send its message, and be answered.

To gRPC's server a client's one message is a stream of one. Otherwise it would wait for it by
itself, without a bound, and call nothing of ours before it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc

from taxiway.serving.protos.services import Method

T = TypeVar("T")
Respond = Callable[[Any, Any], Awaitable[Any]]
"""Takes a message and gRPC's context; gives the message that answers."""
RespondOften = Callable[[Any, Any], AsyncIterator[Any]]
"""As `Respond`, of several messages."""


def unary_handler(method: Method, seconds: float, respond: Respond) -> Any:
    """A handler of a method that answers once.

    Args:
      method: of the service.
      seconds: that a client may take to send its message.
      respond: see there.
    """

    async def handle(_: Any, context: Any) -> Any:
        return await respond(await _received(context, seconds), context)

    return grpc.stream_unary_rpc_method_handler(
        handle,
        request_deserializer=method.request.FromString,
        response_serializer=method.response.SerializeToString,
    )


def stream_handler(method: Method, seconds: float, respond: RespondOften) -> Any:
    """As `unary_handler`, of one that answers with several messages."""

    async def handle(_: Any, context: Any) -> AsyncIterator[Any]:
        message = await _received(context, seconds)
        async for one in respond(message, context):
            yield one

    return grpc.stream_stream_rpc_method_handler(
        handle,
        request_deserializer=method.request.FromString,
        response_serializer=method.response.SerializeToString,
    )


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Awaits work in this task, as asyncio.timeout does from Python 3.11 on.

    Raises:
      TimeoutError: it took longer, and was cancelled.
    """
    task, late = asyncio.current_task(), False
    assert task is not None

    def cancel() -> None:
        nonlocal late
        late = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, cancel)
    try:
        return await work
    except asyncio.CancelledError:
        if not late:  # the client has left, or the gateway ends
            raise
        raise TimeoutError from None
    finally:
        timer.cancel()


async def _received(context: Any, seconds: float) -> Any:
    try:
        message = await within(seconds, context.read())
    except TimeoutError:
        await context.abort(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            f"no message came within {seconds:g} s, serving.limits.receive_seconds",
        )
    if message is grpc.aio.EOF:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request has no message")
    return message
