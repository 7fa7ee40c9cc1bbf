"""One call of a method: what it brings beside its message, and how a refusal becomes a status.

A call is met as soon as its metadata have come, before its message has: from then on a client has
so long to send it, and so long to be answered.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import grpc

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Limits
from taxiway.serving.gateway.access_log import AccessLog
from taxiway.serving.gateway.grpc.receive import unary_handler, within
from taxiway.serving.gateway.http.messages import (
    REQUEST_ID,
    Request,
    request_id_of,
    traceparent_of,
)
from taxiway.serving.gateway.service import Service
from taxiway.serving.protos.services import Method
from taxiway.serving.protos.tensors import TensorError
from taxiway.serving.requests.ask import Answer, Ask, Described
from taxiway.serving.requests.observer import Observer

T = TypeVar("T")

RETRY_AFTER: Final = "retry-after"
"""Trailing metadata: seconds after which another try can help, as HTTP has them."""

LARGE_ROWS: Final = 2_000
"""Answers from so many on are written in a thread: others are answered meanwhile."""

_LARGE_BYTES: Final = 256 * 1024
"""As LARGE_ROWS, of messages, which are read there."""
_PATIENCE_SECONDS: Final = 1.0
"""How long after its deadline a call is given up, should the service not do so itself."""
_MOST_DETAILS: Final = 2_000
"""Characters: a client takes 8 kB of metadata in all."""

_logger: Final = logging.getLogger("taxiway.serving.grpc")


@dataclass
class Call:
    """A call as its method is given it.

    Args:
      service: that answers.
      limits: of the gateway.
      brought: what its metadata say.
      seconds: until the client's deadline; 0 where it has none.
      ask: what it asks of a model; this and what follows once it is known.
      answer: what the model said.
    """

    service: Service
    limits: Limits
    brought: Request
    seconds: float
    ask: Ask | None = None
    answer: Answer | None = None

    async def answered(self, ask: Ask) -> Answer:
        """Asks the service, with what metadata say of who asks and until when.

        Raises:
          Refusal: with the kind.
        """
        ask.headers = self.brought.headers
        ask.key = self.brought.key()
        ask.request_id = self.brought.request_id
        ask.traceparent = self.brought.traceparent
        ask.deadline = self.brought.deadline(self.limits.seconds, self.seconds)
        self.ask = ask
        self.answer = await self.service.ask(ask)
        return self.answer


async def apart(is_large: bool, work: Callable[[], T]) -> T:
    """Does work here, or in a thread where it is large."""
    return await asyncio.to_thread(work) if is_large else work()


async def read(
    message: Any, version: Callable[[], Described], work: Callable[[Callable[[], Described]], T]
) -> T:
    """Reads a message, in a thread where it is large.

    Args:
      message: of the call.
      version: describes the version that would answer; only asked here, on the loop's thread.
      work: is given what does the same in any thread.
    """
    if message.ByteSize() <= _LARGE_BYTES:
        return work(version)
    described = version()
    return await asyncio.to_thread(work, lambda: described)


Work = Callable[[Call, Any], Awaitable[Any]]
"""Answers a call's message with another; raises a Refusal, or TensorError of what came."""


class Calls:
    """Makes handlers of gRPC's server out of work.

    Args:
      service: that answers.
      limits: of the gateway.
      observer: hears of every call that asks a model; None where no one listens.
      log: takes a line of each call.
    """

    def __init__(
        self, service: Service, limits: Limits, *, observer: Observer | None, log: AccessLog
    ) -> None:
        self._service = service
        self._limits = limits
        self._observer = observer
        self._log = log

    def handlers(self, methods: Mapping[Method, Work]) -> list[Any]:
        """A generic handler for each service, of methods that answer once."""
        services: dict[str, dict[str, Any]] = {}
        for method, work in methods.items():
            services.setdefault(method.service, {})[method.name] = unary_handler(
                method, self._limits.receive_seconds, partial(self._handle, method, work)
            )
        return [grpc.method_handlers_generic_handler(*one) for one in services.items()]

    async def _handle(self, method: Method, work: Work, message: Any, context: Any) -> Any:
        started = time.monotonic()
        call = Call(
            self._service,
            self._limits,
            _brought(context),
            max(0.0, context.time_remaining() or 0.0),
        )
        status, refusal = "OK", None
        try:
            return await self._within_time(call, work(call, message))
        except Refusal as error:
            status, refusal = error.code.grpc, error
        except asyncio.CancelledError:
            status = "CANCELLED"
            raise
        finally:
            self._tell(method, call, status, refusal, time.monotonic() - started)
        return await _abort(context, refusal, call.brought.request_id)

    async def _within_time(self, call: Call, working: Awaitable[Any]) -> Any:
        try:
            return await within(self._limits.seconds + _PATIENCE_SECONDS, working)
        except TensorError as error:
            raise Refusal(Code.INVALID, str(error)) from None
        except TimeoutError:
            raise Refusal(
                Code.DEADLINE, "the model has not answered long after the request's deadline"
            ) from None
        except Refusal:
            raise
        except Exception:
            _logger.exception("request %s failed", call.brought.request_id)
            raise Refusal(
                Code.FAILED,
                f"an error of the gateway's own: see {call.brought.request_id} in its log",
            ) from None

    def _tell(
        self, method: Method, call: Call, status: str, refusal: Refusal | None, seconds: float
    ) -> None:
        ask, answer = call.ask, call.answer
        if self._observer is not None and ask is not None:
            if refusal is not None:
                self._observer.refused(ask, refusal, seconds)
            elif answer is not None:
                self._observer.answered(ask, answer, seconds)
        self._log.note(
            "grpc" if ask is None else ask.protocol,
            method.name,
            method.path,
            status,
            seconds,
            call.brought.request_id,
            call.brought.traceparent,
            ask,
            answer,
        )


def _brought(context: Any) -> Request:
    headers = {
        name.encode(): value if isinstance(value, bytes) else value.encode("latin-1", "replace")
        for name, value in context.invocation_metadata() or ()
    }
    return Request(headers, request_id_of(headers), traceparent_of(headers))


async def _abort(context: Any, refusal: Refusal, request_id: str) -> NoReturn:
    trailing = [(REQUEST_ID.decode(), request_id)]
    if refusal.retry_after > 0:
        trailing.append((RETRY_AFTER, str(max(1, round(refusal.retry_after)))))
    code = grpc.StatusCode[refusal.code.grpc]
    details = refusal.message[:_MOST_DETAILS]
    await context.abort(code, details, trailing_metadata=tuple(trailing))
    raise AssertionError("abort raises")
