"""What goes with a request: its id, its trace, whose it is, and the line that the log has of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from taxiway.access.refusal import Code, Refusal
from taxiway.registry.auth.actor import Actor
from taxiway.serving.gateway import access_log
from tests.taxiway.serving.gateway.http.conftest import Rest
from tests.taxiway.serving.gateway.http.test_bounds import read_to_end, wait_until

PREDICT = "/v1/models/trips:predict"
BODY = {"instances": [{"distance": 1000}]}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_clients_request_id_comes_back_and_goes_on(rest: Rest) -> None:
    answer = rest.post(PREDICT, BODY, headers={"X-Request-Id": "order-42"})
    assert answer.headers["x-request-id"] == "order-42"
    assert rest.heard.answers[-1][0].request_id == "order-42"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, "\x00ab"])
def test_a_request_without_an_id_that_is_fit_gets_one_of_its_own(
    rest: Rest, given: str | None
) -> None:
    with rest.connect() as connection:
        head = "GET /v2 HTTP/1.0\r\n" + (f"X-Request-Id: {given}\r\n" if given is not None else "")
        connection.sendall(head.encode() + b"\r\n")
        answer = read_to_end(connection)
    if given == "\x00ab":
        assert b" 400 " in answer
    else:
        found = answer.partition(b"x-request-id: ")[2].split(b"\r\n")[0]
        assert len(found) > 16
        assert found.decode() != given


def test_trace_context_is_handed_on_and_comes_back(rest: Rest) -> None:
    answer = rest.post(PREDICT, BODY, headers={"traceparent": TRACE})
    assert answer.headers["traceparent"] == TRACE
    assert rest.heard.answers[-1][0].traceparent == TRACE


@pytest.mark.parametrize(
    "given", ["", "00-0-0-00", TRACE.replace("0af", "XYZ"), "ff" + TRACE[2:], "0" * 55]
)
def test_trace_context_that_is_none_is_left_out(rest: Rest, given: str) -> None:
    answer = rest.post(PREDICT, BODY, headers={"traceparent": given})
    assert answer.status_code == 200
    assert "traceparent" not in answer.headers
    assert rest.heard.answers[-1][0].traceparent == ""


def test_a_client_says_whose_the_request_is(rest: Rest) -> None:
    rest.post(PREDICT, BODY, headers={"X-Targeting-Key": "ann"})
    assert rest.heard.answers[-1][0].key == "ann"
    assert rest.post(PREDICT, BODY, headers={"X-Targeting-Key": "x" * 257}).status_code == 400


def test_every_request_has_one_line_in_the_log(serve: Callable[..., Rest]) -> None:
    rest = serve()
    sent = {"X-Request-Id": "r-1", "traceparent": TRACE}
    rest.post("/v1/models/trips/versions/1:predict", BODY, headers=sent)
    rest.post(PREDICT, {"instances": []})
    rest.get("/v2/health/live")
    rest.get(f"/%0a{'x' * 1000}")
    rest.stop()
    lines = [json.loads(line) for line in b"".join(rest.log).splitlines()]
    assert [line["status"] for line in lines] == [200, 400, 200, 404]
    first = lines[0]
    assert first.pop("time").endswith("+00:00")
    assert first.pop("ms") > 0
    assert first == {
        "protocol": "tfs-rest",
        "method": "POST",
        "path": "/v1/models/trips/versions/1:predict",
        "status": 200,
        "model": "trips",
        "version": "1.0.0",
        "arm": "stable",
        "rows": 1,
        "request_id": "r-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    }
    assert lines[1]["protocol"] == "tfs-rest"
    assert lines[2]["protocol"] == "http"
    assert len(lines[3]["path"]) == 256


def test_a_log_that_nobody_reads_drops_lines_and_says_how_many(
    serve: Callable[..., Rest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "MOST_LINES", 3)
    read, lines = threading.Event(), []

    def blocked(some: bytes) -> None:
        read.wait(10)
        lines.extend(some.splitlines())

    rest = serve(access_log=blocked)
    rest.get("/v2/health/live")
    wait_until(lambda: not rest.server._log._waiting)  # it is being written
    for _ in range(8):
        rest.get("/v2/health/live")
    read.set()
    rest.stop()
    kept = [json.loads(line) for line in lines]
    assert [line.get("status") for line in kept] == [200] * 4 + [None]
    assert kept[-1]["dropped"] == 5


class _Tokens:
    """Knows one token; what `BearerTokens` is to the server."""

    def remembered(self, header: bytes) -> Actor | None:
        return None

    async def actor(self, header: bytes) -> Any:
        if header != b"Bearer good":
            raise Refusal(Code.UNAUTHENTICATED, "expected a token")


def test_everything_but_health_asks_for_a_token(serve: Callable[..., Rest]) -> None:
    rest = serve(tokens=_Tokens())
    assert rest.get("/v2/health/live").status_code == 200
    assert rest.get("/v2/health/ready").status_code == 200
    for path in ("/v2", "/v1/models/trips", "/v2/models/trips/ready"):
        answer = rest.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert rest.get(path, headers={"Authorization": "Bearer good"}).status_code == 200
    assert rest.post(PREDICT, BODY).json() == {"error": "expected a token"}
    assert not rest.service.asked
