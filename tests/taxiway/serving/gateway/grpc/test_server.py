"""gRPC's port: who asks and until when, what is refused, bounds, and health."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Limits
from taxiway.serving.gateway.grpc.server import serve_grpc
from taxiway.serving.protos import messages, services
from tests.taxiway.serving.gateway.arithmetic import Arithmetic
from tests.taxiway.serving.gateway.grpc.conftest import SECONDS, Grpc, caller, predict_request

Serve = Callable[..., Grpc]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def one() -> Any:
    return predict_request({"distance": [1000.0]})


def test_request_id_and_trace_come_by_metadata(running: Grpc) -> None:
    metadata = [("x-request-id", "mine"), ("traceparent", TRACE)]
    running.call(services.PREDICT, one(), metadata=metadata)
    asked = running.service.asked[-1]
    assert (asked.request_id, asked.traceparent) == ("mine", TRACE)
    running.call(services.PREDICT, one(), metadata=[("traceparent", "nonsense")])
    asked = running.service.asked[-1]
    assert asked.request_id not in ("", "mine")
    assert asked.traceparent == ""


def test_the_clients_deadline_is_the_requests(serve: Serve) -> None:
    server = serve(limits=Limits(seconds=100.0))
    clock = time.monotonic
    for timeout, bound in [(30.0, 30.0), (1000.0, 100.0), (None, 100.0)]:
        before = clock()
        server.call(services.PREDICT, one(), timeout=timeout)
        assert before + bound / 2 < server.service.asked[-1].deadline < clock() + bound + 1.0


@pytest.mark.parametrize(
    "code", [code for code in Code if code not in (Code.UNAUTHENTICATED, Code.FORBIDDEN)]
)
def test_a_refusal_has_its_status_and_its_text(running: Grpc, code: Code) -> None:
    running.service.refusal = Refusal(code, "because", retry_after=2.4)
    try:
        found = running.refused(services.PREDICT, one(), metadata=[("x-request-id", "mine")])
    finally:
        running.service.refusal = None
    assert found[:2] == (code.grpc, "because")
    assert found[2]["retry-after"] == "2"
    assert found[2]["x-request-id"] == "mine"
    assert running.heard.refusals[-1][1].code is code


def test_an_error_of_the_gateways_own_tells_nothing_of_it(
    running: Grpc, caplog: pytest.LogCaptureFixture
) -> None:
    running.service.refusal = ValueError("secret")
    try:
        status, told, _ = running.refused(
            services.PREDICT, one(), metadata=[("x-request-id", "mine")]
        )
    finally:
        running.service.refusal = None
    assert (status, told) == ("INTERNAL", "an error of the gateway's own: see mine in its log")
    assert "secret" in caplog.text


def test_each_call_is_a_line_of_the_access_log(serve: Serve) -> None:
    server = serve()
    server.call(services.PREDICT, one(), metadata=[("x-request-id", "mine")])
    server.refused(services.PREDICT, predict_request({"distance": [1.0]}, "trip"))
    server.stop()
    first, second = map(json.loads, b"".join(server.log).splitlines())
    assert (first["protocol"], first["status"], first["request_id"]) == ("tfs-grpc", "OK", "mine")
    assert (first["path"], first["version"]) == (services.PREDICT.path, "1.2.7")
    assert second["status"] == "NOT_FOUND"


def test_a_message_that_is_too_large_is_refused(serve: Serve) -> None:
    server = serve(limits=Limits(request_bytes=10_000))
    status, told, _ = server.refused(
        services.PREDICT, predict_request({"distance": np.zeros(3_000, np.float32)})
    )
    assert status == "RESOURCE_EXHAUSTED"
    assert "larger than max" in told
    assert server.call(services.PREDICT, one())


def test_too_many_rows_are_refused_and_so_many_are_not(serve: Serve) -> None:
    server = serve(limits=Limits(rows=3_000))
    many = predict_request({"distance": np.zeros(3_001, np.float32)})
    status, told, _ = server.refused(services.PREDICT, many)
    assert (status, told) == (
        "INVALID_ARGUMENT",
        "received 3,001 rows; serving.limits.rows takes at most 3,000 in one request",
    )
    response = server.call(services.PREDICT, predict_request({"distance": [1.0] * 3_000}))
    assert len(response.outputs["probability"].float_val) == 3_000


def test_a_large_message_is_read_and_answered_as_a_small_one_is(running: Grpc) -> None:
    rows = 40_000
    large = predict_request({"distance": [1000.0] * rows, "origin": [b"a name"] * rows})
    assert large.ByteSize() > 256 * 1024
    (found,) = running.call(services.PREDICT, large).outputs.values()
    assert list(found.float_val) == pytest.approx([0.1] * rows)
    assert running.service.asked[-1].columns["origin"] == ["a name"] * rows
    large.model_spec.name = "trip"
    assert running.refused(services.PREDICT, large)[0] == "NOT_FOUND"


def test_calls_above_the_bound_are_refused_at_once(serve: Serve) -> None:
    server = serve(Arithmetic(waits=True), Limits(connections=1))
    waiting = caller(server.channel, services.PREDICT).future(one(), timeout=SECONDS)
    with grpc.insecure_channel(server.address) as other:
        wait_for(lambda: server.service.asked)
        with pytest.raises(grpc.RpcError) as caught:
            caller(other, services.SERVER_LIVE)(services.SERVER_LIVE.request(), timeout=SECONDS)
    error: Any = caught.value
    assert error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
    server.loop.call_soon_threadsafe(server.service.go_on.set)
    assert waiting.result().outputs


def test_a_service_that_does_not_answer_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxiway.serving.gateway.grpc.calls._PATIENCE_SECONDS", 0.0)
    server = serve(Arithmetic(waits=True), Limits(seconds=0.1))
    status, told, _ = server.refused(services.PREDICT, one())
    assert status == "DEADLINE_EXCEEDED"
    assert "long after the request's deadline" in told


def test_a_client_that_never_sends_its_message_is_let_go(serve: Serve) -> None:
    server = serve(limits=Limits(receive_seconds=0.2))
    sent, ended = threading.Event(), threading.Event()

    def nothing() -> Any:
        sent.set()
        ended.wait(SECONDS)
        return iter(())

    def never() -> Any:
        yield from nothing()

    call = server.channel.stream_unary(services.PREDICT.path).future(never(), timeout=SECONDS)
    try:
        assert sent.wait(SECONDS)
        with pytest.raises(grpc.RpcError):
            call.result()
        assert "no message came within 0.2 s, serving.limits.receive_seconds" in call.details()
    finally:
        ended.set()
    assert server.call(services.PREDICT, one())


def test_stopping_answers_the_calls_there_are(serve: Serve) -> None:
    server = serve(Arithmetic(waits=True))
    waiting = caller(server.channel, services.PREDICT).future(one(), timeout=SECONDS)
    wait_for(lambda: server.service.asked)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    server.loop.call_soon_threadsafe(server.service.go_on.set)
    assert waiting.result().outputs
    stopping.join()


def test_a_port_that_is_taken_is_an_error(serve: Serve) -> None:
    import asyncio

    from taxiway.config.serving import Serving

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port} cannot be had for gRPC"):
            asyncio.run(serve_grpc(Arithmetic(), Serving(), port=port))


def test_an_interceptor_may_want_a_token(serve: Serve) -> None:
    class Wants(grpc.aio.ServerInterceptor):  # type: ignore[misc]
        async def intercept_service(self, continuation: Any, details: Any) -> Any:
            if ("authorization", "Bearer right") in details.invocation_metadata:
                return await continuation(details)

            async def refuse(_: Any, context: Any) -> None:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")

            return grpc.unary_unary_rpc_method_handler(refuse)

    server = serve(interceptors=[Wants()])
    assert server.refused(services.PREDICT, one())[0] == "UNAUTHENTICATED"
    assert server.call(services.PREDICT, one(), metadata=[("authorization", "Bearer right")])


def test_health_is_grpcs_own(running: Grpc) -> None:
    for service in ("", services.PREDICTION, services.INFERENCE):
        request = messages.HealthCheckRequest(service=service)
        assert running.call(services.CHECK, request).status == 1
    unknown = messages.HealthCheckRequest(service="other")
    assert running.refused(services.CHECK, unknown)[0] == "NOT_FOUND"


def test_health_is_watched(running: Grpc) -> None:
    request = messages.HealthCheckRequest()
    watched = caller(running.channel, services.WATCH)(request, timeout=SECONDS)
    try:
        assert next(watched).status == 1
        running.service.is_ready = False
        assert next(watched).status == 2
    finally:
        running.service.is_ready = True
        watched.cancel()


def test_an_unknown_method_is_unimplemented(running: Grpc) -> None:
    unknown = services.Method(
        services.PREDICTION, "Nonsense", messages.PredictRequest, messages.PredictResponse
    )
    assert running.refused(unknown)[0] == "UNIMPLEMENTED"


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
