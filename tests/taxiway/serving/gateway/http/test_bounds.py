"""What one client may cost: sizes, time, connections; each bound with its answer."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.config.serving import Limits
from taxiway.serving.requests.ask import Answer, Ask
from tests.taxiway.serving.gateway.arithmetic import Arithmetic
from tests.taxiway.serving.gateway.http.conftest import SECONDS, Rest

PREDICT = "/v1/models/trips:predict"
BODY = b'{"instances": [{"distance": 1000}]}'


def request(body: bytes = BODY, *headers: str, path: str = PREDICT) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_to_end(connection: socket.socket) -> bytes:
    """What comes until the server closes; fails where it does not."""
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def document_of(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def takes_connections(rest: Rest) -> bool:
    try:
        rest.connect().close()
    except ConnectionError:
        return False
    return True


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(
    serve: Callable[..., Rest],
) -> None:
    rest = serve(limits=Limits(request_bytes=1000))
    with rest.connect() as connection:
        head = request(b"", "Expect: 100-continue").replace(b"Length: 0", b"Length: 1001")
        connection.sendall(head)
        answer = read_to_end(connection)
    assert status_of(answer) == 413
    assert "serving.limits.request_bytes takes at most 1,000" in document_of(answer)["error"]


@pytest.mark.parametrize("chunked", [True, False])
def test_a_client_that_sends_on_can_read_that_it_was_too_much(
    serve: Callable[..., Rest], chunked: bool
) -> None:
    rest = serve(limits=Limits(request_bytes=1000))
    part = b"x" * 65536
    with rest.connect() as connection:
        if chunked:
            head = request(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
            connection.sendall(head)
            for _ in range(64):
                connection.sendall(b"%x\r\n" % len(part) + part + b"\r\n")
        else:
            connection.sendall(request(part * 64))
        answer = read_to_end(connection)
    assert status_of(answer) == 413
    assert rest.heard.refusals[-1][1].code is Code.TOO_LARGE


def test_a_request_of_too_many_rows_is_refused(serve: Callable[..., Rest]) -> None:
    rest = serve(limits=Limits(rows=2))
    answer = rest.post(PREDICT, {"instances": [{"distance": 1}] * 3})
    assert answer.status_code == 413
    assert "serving.limits.rows takes at most 2" in answer.json()["error"]
    assert rest.post(PREDICT, {"inputs": {"distance": [1] * 3}}).status_code == 413
    assert rest.post(PREDICT, {"inputs": {"distance": [1] * 2}}).status_code == 200


def test_a_large_request_is_read_while_others_are_answered(rest: Rest) -> None:
    distances = list(range(30_000))
    answer = rest.post(PREDICT, {"inputs": {"distance": distances}})
    np.testing.assert_allclose(answer.json()["outputs"], np.array(distances) / 1e4, rtol=1e-6)
    rows = rest.post(PREDICT, {"instances": [{"distance": one} for one in distances]})
    assert rows.json()["predictions"] == answer.json()["outputs"]


def test_a_busy_service_says_when_to_come_again(serve: Callable[..., Rest]) -> None:
    rest = serve(Arithmetic(refusal=Refusal(Code.BUSY, "the queue is full", retry_after=2.4)))
    answer = rest.client.post(PREDICT, content=BODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert answer.json() == {"error": "the queue is full"}


@pytest.mark.parametrize(("code", "status"), [(code, code.http) for code in Code])
def test_every_refusal_has_its_status(serve: Callable[..., Rest], code: Code, status: int) -> None:
    rest = serve(Arithmetic(refusal=Refusal(code, "no")))
    answer = rest.client.post(PREDICT, content=BODY)
    assert (answer.status_code, answer.json()) == (status, {"error": "no"})
    assert [refusal.code for _, refusal in rest.heard.refusals] == [code]


def test_an_error_of_the_gateways_own_is_told_without_what_it_says(
    serve: Callable[..., Rest], caplog: pytest.LogCaptureFixture
) -> None:
    rest = serve(Arithmetic(refusal=ZeroDivisionError("a secret")))
    answer = rest.client.post(PREDICT, content=BODY, headers={"X-Request-Id": "r-1"})
    assert answer.status_code == 500
    assert "r-1" in answer.json()["error"]
    assert "secret" not in answer.text
    assert "r-1" in caplog.text


def test_a_client_says_how_long_it_waits(serve: Callable[..., Rest]) -> None:
    rest = serve(limits=Limits(seconds=5))
    for text, seconds in (("50", 0.05), ("600000", 5)):
        before = time.monotonic()
        rest.client.post(PREDICT, content=BODY, headers={"X-Request-Timeout-Ms": text})
        deadline = rest.service.asked[-1].deadline
        assert before + seconds <= deadline <= time.monotonic() + seconds
    answer = rest.client.post(PREDICT, content=BODY, headers={"X-Request-Timeout-Ms": "1.5"})
    assert answer.status_code == 400


def test_a_service_that_never_answers_is_given_up(serve: Callable[..., Rest]) -> None:
    rest = serve(Arithmetic(waits=True), Limits(seconds=0.1))
    answer = rest.client.post(PREDICT, content=BODY)
    assert (answer.status_code, list(answer.json())) == (504, ["error"])


def test_connections_above_the_bound_are_refused_until_one_leaves(
    serve: Callable[..., Rest],
) -> None:
    rest = serve(limits=Limits(connections=2))
    first, second, third = (rest.connect() for _ in range(3))
    with third:
        wait_until(lambda: rest.server.connections == 3)
        third.sendall(request())
        answer = read_to_end(third)
    assert status_of(answer) == 503
    assert "2 connections are open" in document_of(answer)["error"]
    first.close()
    second.close()
    wait_until(lambda: rest.server.connections == 0)
    assert rest.client.post(PREDICT, content=BODY).status_code == 200


@pytest.mark.parametrize("begun", [b"POST /v1/mod", request()[:-5], request()[:60]])
def test_a_request_that_does_not_come_whole_is_not_waited_for(
    serve: Callable[..., Rest], begun: bytes
) -> None:
    rest = serve(limits=Limits(receive_seconds=0.2))
    with rest.connect() as connection:
        connection.sendall(begun)
        answer = read_to_end(connection)
    assert status_of(answer) == 408
    wait_until(lambda: rest.server.connections == 0)


class _Flood(Arithmetic):
    """Answers with more than a socket holds."""

    async def ask(self, ask: Ask) -> Answer:
        outputs = {"probability": np.zeros(2_000_000, np.float32)}
        return Answer(outputs, "1.0.0", 1)


def test_an_answer_that_is_not_read_is_not_kept(serve: Callable[..., Rest]) -> None:
    rest = serve(_Flood(), Limits(receive_seconds=0.2))
    with rest.connect() as connection:
        connection.sendall(request())
        wait_until(lambda: rest.server.connections == 1)
        wait_until(lambda: rest.server.connections == 0)
        answer = read_to_end(connection)
    length = int(answer.partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert len(answer) < length


@pytest.mark.parametrize("asked", [b"", request()])
def test_a_connection_that_asks_nothing_is_closed(serve: Callable[..., Rest], asked: bytes) -> None:
    rest = serve(limits=Limits(idle_seconds=0.2))
    with rest.connect() as connection:
        connection.sendall(asked)
        answer = read_to_end(connection)
    assert answer.endswith(b'{"predictions":[0.1]}' if asked else b"")


@pytest.mark.parametrize("line", ["X: " + "y" * 100_000, "\r\n".join(["X: y"] * 30_000)])
def test_a_head_without_end_is_refused(rest: Rest, line: str) -> None:
    with rest.connect() as connection:
        connection.sendall(f"GET / HTTP/1.1\r\n{line}".encode())
        answer = read_to_end(connection)
    assert status_of(answer) == 431


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01",  # TLS
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_in_json(rest: Rest, sent: bytes) -> None:
    with rest.connect() as connection:
        connection.sendall(sent)
        answer = read_to_end(connection)
    assert status_of(answer) == 400
    assert list(document_of(answer)) == ["error"]


def test_pipelined_requests_are_answered_in_order(rest: Rest) -> None:
    with rest.connect() as connection:
        bodies = [b'{"instances": [{"distance": %d}]}' % one for one in (1000, 2000, 3000)]
        connection.sendall(b"".join(map(request, bodies[:2])))
        connection.sendall(request(bodies[2], "Connection: close"))
        answer = read_to_end(connection)
    order = [answer.index(b'{"predictions":[%s]}' % one) for one in (b"0.1", b"0.2", b"0.3")]
    assert order == sorted(order)
    assert answer.count(b"HTTP/1.1 200") == 3


def test_a_client_cannot_pipeline_without_end(serve: Callable[..., Rest]) -> None:
    rest = serve(Arithmetic(waits=True), Limits(seconds=0.2))
    with rest.connect() as connection:
        connection.sendall(request() + b"GET /v2 HTTP/1.1\r\n\r\n" * 2_000)
        answer = read_to_end(connection)
    assert status_of(answer) == 400


def test_http_1_0_is_answered_and_closed(rest: Rest) -> None:
    with rest.connect() as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.0\r\n\r\n")
        answer = read_to_end(connection)
    assert document_of(answer) == {"live": True}


def test_head_is_get_without_the_document(rest: Rest) -> None:
    answer = rest.client.head("/v2/health/live")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len('{"live":true}'))
    assert rest.client.head(PREDICT).status_code == 405


@pytest.mark.parametrize(
    ("path", "allowed"), [(PREDICT, "POST, OPTIONS"), ("/v2", "GET, HEAD, OPTIONS")]
)
def test_options_says_which_methods_there_are(rest: Rest, path: str, allowed: str) -> None:
    answer = rest.client.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (204, allowed)


def test_an_upgrade_that_is_not_offered_is_answered_as_it_is(rest: Rest) -> None:
    head = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n"
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with rest.connect() as connection:
        connection.sendall(head + upgrade)
        answer = read_to_end(connection)
    assert document_of(answer) == {"live": True}


def test_a_compressed_body_is_refused_by_name(rest: Rest) -> None:
    answer = rest.client.post(PREDICT, content=BODY, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 400
    assert "not compressed" in answer.json()["error"]


def test_a_server_that_stops_answers_what_it_has_begun(serve: Callable[..., Rest]) -> None:
    rest = serve(Arithmetic(waits=True))
    with rest.connect() as connection:
        connection.sendall(request())
        wait_until(lambda: bool(rest.service.asked))
        stopping = asyncio.run_coroutine_threadsafe(rest.server.stop(SECONDS), rest.loop)
        wait_until(lambda: not takes_connections(rest))
        rest.loop.call_soon_threadsafe(rest.service.go_on.set)
        answer = read_to_end(connection)
        stopping.result(SECONDS)
    assert document_of(answer) == {"predictions": [0.1]}
